package authn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// vouched is what a provider said of a person, verified.
type vouched struct {
	user          User // without Active and Epoch, which are ours
	groups        []string
	tokens        tokens
	sid           string
	acr           string
	amr           []string
	authenticated time.Time // zero: the provider did not say
}

// redeem exchanges the code that came for a stay for tokens, and reads from them who signed in. ErrProvider.
func (p *provider) redeem(ctx context.Context, m *metadata, code string, from stay) (vouched, error) {
	ctx = p.quick.context(ctx)
	t, err := p.config(m).Exchange(ctx, code, oauth2.VerifierOption(from.Verifier))
	if err != nil {
		return vouched{}, p.exchangeFailed(err)
	}
	p.answered()
	if err := checkType(t); err != nil {
		return vouched{}, err
	}
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		return vouched{}, fmt.Errorf("answer without an ID token: %w: %w", ErrAnswer, ErrProvider)
	}
	c, err := p.verify(ctx, m, raw, beside{access: t.AccessToken, code: code, begun: time.Unix(from.Issued, 0)})
	if err != nil {
		return vouched{}, err
	}
	if err := c.checkNonce(from.Nonce); err != nil {
		return vouched{}, err
	}
	signed := c.person()
	if err := p.complete(ctx, p.quick, m, c, t); err != nil {
		return vouched{}, err
	}
	v := c.vouch(m.Issuer, p.identity.GroupsClaim)
	v.user.Signed = signed
	v.tokens = p.keep(t, raw)
	return v, nil
}

// exchangeFailed is the error of an exchange, without what the answer held: that may be tokens.
func (p *provider) exchangeFailed(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		err = fmt.Errorf("exchanging the code: %s, error %.64q: %w", refused.Response.Status, refused.ErrorCode, ErrProvider)
		switch code := refused.Response.StatusCode; {
		case code >= http.StatusInternalServerError:
			return p.failed(err)
		case code == http.StatusTooManyRequests:
			return err // it is well, and busy
		}
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return p.failed(fmt.Errorf("exchanging the code: %s: %w", clip(err.Error(), 256), ErrProvider))
}

// checkType refuses an access token that is not shown as a bearer (RFC 6749, section 7.1): we know how to show no other. One of
// which the provider does not say what it is, is.
func checkType(t *oauth2.Token) error {
	if t.TokenType == "" || strings.EqualFold(t.TokenType, "Bearer") {
		return nil
	}
	return fmt.Errorf("an access token of type %.32q: %w: %w", t.TokenType, ErrAnswer, ErrProvider)
}

// keep makes of what the token endpoint answered what we store.
func (p *provider) keep(t *oauth2.Token, id string) tokens {
	k := tokens{Access: t.AccessToken, Refresh: t.RefreshToken, ID: id}
	switch {
	case t.ExpiresIn > 0:
		k.Expires = p.now().Add(time.Duration(min(t.ExpiresIn, 10*365*24*3600)) * time.Second).Round(0)
	case !t.Expiry.IsZero():
		k.Expires = t.Expiry.Round(0)
	}
	return k
}

// revoke asks the provider to forget tokens that no session holds (RFC 7009). nil when it has no way to be asked.
func (p *provider) revoke(ctx context.Context, m *metadata, t tokens) error {
	token, hint := t.Refresh, "refresh_token"
	if token == "" {
		token, hint = t.Access, "access_token"
	}
	if m.Revoke == "" || token == "" {
		return nil
	}
	form := url.Values{"token": {token}, "token_type_hint": {hint}}
	c := p.config(m)
	if c.Endpoint.AuthStyle == oauth2.AuthStyleInParams {
		form.Set("client_id", c.ClientID)
		if c.ClientSecret != "" {
			form.Set("client_secret", c.ClientSecret)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Revoke, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("revoking tokens: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.Endpoint.AuthStyle == oauth2.AuthStyleInHeader {
		req.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(c.ClientSecret))
	}
	resp, err := p.patient.http.Do(req)
	if err != nil {
		return fmt.Errorf("revoking tokens: %s: %w", clip(err.Error(), 256), ErrProvider)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("revoking tokens: %s: %w", resp.Status, ErrProvider)
	}
	return nil
}
