package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"golang.org/x/oauth2"
)

// verdict is what is known of a refresh token after it was shown to the provider. The zero verdict is that nothing is.
type verdict uint8

const (
	unclear verdict = iota // it may have been spent
	spent                  // and new tokens came for it
	unspent                // it was surely not spent, and may be shown again
	invalid                // the provider does not take it any more
)

// renew redeems a refresh token (RFC 6749, section 6).
func (p *provider) renew(ctx context.Context, m *metadata, refresh string) (*oauth2.Token, verdict, error) {
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	source := p.config(m).TokenSource(p.patient.context(ctx), &oauth2.Token{RefreshToken: refresh})
	t, err := source.Token()
	if err == nil {
		p.answered()
		return t, spent, nil
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		v := judge(refused.Response.StatusCode, refused.ErrorCode)
		err = fmt.Errorf("refreshing: %s, error %.64q: %w", refused.Response.Status, refused.ErrorCode, ErrProvider)
		if v == unspent || v == unclear {
			err = p.failed(err)
		}
		return nil, v, err
	}
	err = p.failed(fmt.Errorf("refreshing: %s: %w", clip(err.Error(), 256), ErrProvider))
	if !connected.Load() {
		return nil, unspent, err
	}
	return nil, unclear, err
}

// judge tells from a refusal what became of the token (RFC 6749, section 5.2).
func judge(status int, code string) verdict {
	switch {
	case code == "invalid_grant":
		return invalid
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, code == "temporarily_unavailable":
		return unspent
	case code != "" && code != "server_error" && status >= 400 && status < 500:
		return unspent // it refuses us, not the token: invalid_client and its like
	}
	return unclear
}
