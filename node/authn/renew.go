package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

// verdict is what is known of a refresh token after it was shown to the provider. The zero verdict is that nothing is.
type verdict uint8

const (
	unclear verdict = iota // it may have been spent
	spent                  // and new tokens came for it
	unspent                // it was not: the provider, or our standing with it, failed
	refused                // it was not, by a provider that is well
	invalid                // the provider does not take it any more, or wants to see the person
)

// renew redeems a refresh token (RFC 6749, section 6).
func (p *provider) renew(ctx context.Context, m *metadata, refresh string) (*oauth2.Token, verdict, error) {
	var s sending
	source := p.config(m).TokenSource(p.patient.context(s.watch(ctx)), &oauth2.Token{RefreshToken: refresh})
	t, err := source.Token()
	if err == nil {
		p.answered()
		if err := checkType(t); err != nil {
			return nil, unclear, fmt.Errorf("refreshing: %w", err)
		}
		return t, spent, nil
	}
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		err = p.failed(fmt.Errorf("refreshing: %s: %w", clip(err.Error(), 256), ErrProvider))
		if s.nothing() {
			return nil, unspent, err
		}
		return nil, unclear, err
	}
	v := judge(answer.Response.StatusCode, answer.ErrorCode)
	err = fmt.Errorf("refreshing: %s, error %.64q: %w", answer.Response.Status, answer.ErrorCode, ErrProvider)
	if v == invalid || v == refused {
		p.answered()
		return nil, v, err
	}
	return nil, v, p.failedFor(err, retryAfterOf(answer.Response, p.now()))
}

// statusTimeout is Cloudflare's 504.
const statusTimeout = 524

// judge tells from a failure that was answered what became of the token (RFC 6749, section 5.2). An answered failure is
// no redemption; but a gateway that tired of waiting for the provider has not answered for it.
func judge(status int, code string) verdict {
	switch code {
	case "":
		if status == http.StatusGatewayTimeout || status == statusTimeout || status < http.StatusMultipleChoices {
			return unclear
		}
		return unspent
	case "temporarily_unavailable", "server_error", "slow_down", "invalid_client":
		return unspent
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return unspent
	}
	switch code {
	case "invalid_grant", "interaction_required", "login_required", "consent_required", "account_selection_required":
		return invalid // the latter ones: OpenID Connect Core 1.0, section 3.1.2.6; some say so here
	}
	return refused
}

// retryAfterOf is for how long an answer asks to be left alone (RFC 9110, section 10.2.3); 0: it does not.
func retryAfterOf(r *http.Response, now time.Time) time.Duration {
	text := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
