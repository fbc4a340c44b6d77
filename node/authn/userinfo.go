package authn

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"golang.org/x/oauth2"
)

// complete adds to the claims of an ID token those that the provider tells only at its userinfo endpoint (OpenID Connect
// Core 1.0, section 5.3). What the ID token says is signed, and stays. ErrProvider, with ErrAnswer when it answered wrongly.
func (p *provider) complete(ctx context.Context, by *client, m *metadata, c claims, t *oauth2.Token) error {
	if m.UserInfo == "" {
		return nil
	}
	more, err := p.userInfo(ctx, by, m, t.AccessToken)
	if err != nil {
		return fmt.Errorf("reading userinfo: %w", err)
	}
	if sub := more.text("sub"); sub == "" || sub != c.text("sub") {
		return fmt.Errorf("userinfo is of somebody else: %w: %w", ErrAnswer, ErrProvider)
	}
	c.fill(more)
	return c.checkSize()
}

// userInfo asks for what an access token lets see. No error holds anything of the answer: it may repeat the token.
func (p *provider) userInfo(ctx context.Context, by *client, m *metadata, access string) (claims, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfo, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrProvider)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := by.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", clip(err.Error(), 256), ErrProvider)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	switch status := resp.StatusCode; {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", clip(err.Error(), 256), ErrProvider)
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
		return nil, fmt.Errorf("%s: %w", resp.Status, ErrProvider)
	case status != http.StatusOK:
		return nil, fmt.Errorf("%s: %w: %w", resp.Status, ErrAnswer, ErrProvider)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/jwt" {
		return p.signedInfo(ctx, m, string(text))
	}
	return infoClaims(text)
}

// signedInfo verifies userinfo that is signed, which says by whom and for whom where it says anything of that (OpenID Connect
// Core 1.0, section 5.3.2).
func (p *provider) signedInfo(ctx context.Context, m *metadata, token string) (claims, error) {
	payload, _, err := m.keys.verify(ctx, token, algorithms[:])
	if err != nil {
		return nil, err
	}
	c, err := infoClaims(payload)
	if err != nil {
		return nil, err
	}
	if iss := c["iss"]; iss != nil && iss != m.Issuer {
		return nil, fmt.Errorf("it is of another issuer: %w: %w", ErrAnswer, ErrProvider)
	}
	if c["aud"] != nil && !slices.Contains(c.list("aud"), p.identity.ClientID) {
		return nil, fmt.Errorf("it is for another client: %w: %w", ErrAnswer, ErrProvider)
	}
	return c, nil
}

// infoClaims reads an object that says nothing in two ways.
func infoClaims(text []byte) (claims, error) {
	members, err := once(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", err, ErrAnswer, ErrProvider)
	}
	return members, nil
}
