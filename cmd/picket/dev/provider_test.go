package dev

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestAPersonIsPickedAndTheClientLearnsWhoItIs(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	f, address := rp.begin()
	status, page, _ := browser.open(rp.issuer, address)
	for _, want := range []string{"Alice Adams", "alice@example.com", "admins, staff", "Bob Brown", "Mallory Moore", "no groups"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("the page (status %d) does not show %q", status, want)
		}
	}
	if strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error("the page refers to somewhere else")
	}
	code := rp.code(f, browser.submit(rp.issuer, page, "person", "alice"))
	token, err := rp.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		t.Fatal(err)
	}

	got := rp.claims(token)
	if got.Subject != "alice" || got.Email != "alice@example.com" || !got.EmailVerified || got.Name != "Alice Adams" {
		t.Errorf("the ID token says %+v", got)
	}
	if !slices.Equal(got.Groups, []string{"admins", "staff"}) {
		t.Errorf("groups %q", got.Groups)
	}
	if got.Nonce != f.nonce || got.ACR != acrPicked || !slices.Equal(got.AMR, []string{amrUser}) || got.SID == "" {
		t.Errorf("nonce %q, acr %q, amr %q, sid %q", got.Nonce, got.ACR, got.AMR, got.SID)
	}
	if age := time.Since(time.Unix(got.AuthTime, 0)); age < 0 || age > time.Minute {
		t.Errorf("authenticated %v ago", age)
	}
	if in := time.Until(token.Expiry); in < 4*time.Minute || in > DefaultAccessTokenLifetime {
		t.Errorf("the access token is good for %v", in)
	}
}

func TestUserinfoSaysWhatTheIDTokenSaid(t *testing.T) {
	rp := newRelyingParty(t)
	token := rp.signIn(newVisitor(t), "mallory")
	info, err := rp.oidc.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := info.Claims(&raw); err != nil {
		t.Fatal(err)
	}
	if info.Subject != "mallory" || info.Email != "mallory@example.com" || !info.EmailVerified || string(raw["groups"]) != "[]" {
		t.Errorf("userinfo says %s", raw)
	}
	rp.provider.Withdraw("mallory")
	if _, err := rp.oidc.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with a token that was withdrawn: %v, want 401", err)
	}
}

func TestDiscoveryAnnouncesOnlyWhatIsThere(t *testing.T) {
	rp := newRelyingParty(t)
	var got struct {
		ResponseTypes []string `json:"response_types_supported"`
		GrantTypes    []string `json:"grant_types_supported"`
		Challenges    []string `json:"code_challenge_methods_supported"`
		Algorithms    []string `json:"id_token_signing_alg_values_supported"`
		EndSession    string   `json:"end_session_endpoint"`
		Iss           bool     `json:"authorization_response_iss_parameter_supported"`
		Device        string   `json:"device_authorization_endpoint"`
	}
	if err := rp.oidc.Claims(&got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.ResponseTypes, []string{"code"}) || !slices.Equal(got.GrantTypes, []string{"authorization_code", "refresh_token"}) ||
		!slices.Equal(got.Challenges, []string{"S256"}) || !slices.Equal(got.Algorithms, []string{"RS256"}) ||
		got.EndSession != rp.issuer+"/end_session" || !got.Iss || got.Device != "" {
		t.Errorf("discovery says %+v", got)
	}
}

func TestARequestIsRefusedWhenItIsNotSafe(t *testing.T) {
	rp := newRelyingParty(t)
	_, good := rp.begin()
	for name, test := range map[string]struct {
		address string
		want    string // error sent back to the client; "": a page of our own, nothing is sent anywhere
	}{
		"without PKCE":           {rp.oauth.AuthCodeURL("state-1"), "invalid_request"},
		"with a plain challenge": {strings.Replace(good, "S256", "plain", 1), "invalid_request"},
		"nobody and no page":     {good + "&prompt=none", "login_required"},
		"another redirect URI":   {strings.Replace(good, "auth.localhost", "evil.localhost", 1), ""},
		"another client":         {strings.Replace(good, "client_id=picket", "client_id=other", 1), ""},
		"a token in the URL":     {strings.Replace(good, "response_type=code", "response_type=id_token", 1), "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, away := newVisitor(t).open(rp.issuer, test.address)
			if test.want == "" {
				if away != "" || status != http.StatusBadRequest {
					t.Errorf("status %d, sent to %q", status, away)
				}
				return
			}
			u, err := url.Parse(strings.Replace(away, "#", "?", 1))
			if err != nil || u.Query().Get("error") != test.want || u.Query().Get("state") != "state-1" {
				t.Errorf("sent to %q, want error %s", away, test.want)
			}
		})
	}
}

func TestNobodyIsPicked(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	_, address := rp.begin()
	_, page, _ := browser.open(rp.issuer, address)
	query := rp.answer(browser.submit(rp.issuer, page, "cancel", "1"))
	if query.Get("error") != "access_denied" || query.Get("iss") != rp.issuer || query.Get("state") != "state-1" {
		t.Errorf("came back with %v", query)
	}
}

func TestASignInBelongsToTheBrowserThatBeganIt(t *testing.T) {
	rp, one, other := newRelyingParty(t), newVisitor(t), newVisitor(t)
	_, address := rp.begin()
	_, page, _ := one.open(rp.issuer, address)
	_, rest, _ := strings.Cut(page, `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)

	response, err := other.client.PostForm(rp.issuer+"/login", url.Values{"request": {id}, "person": {"alice"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body, next := other.read(response); status != http.StatusBadRequest || next != "" || !strings.Contains(body, "another browser") {
		t.Errorf("status %d, sent to %q", status, next)
	}
	one.submit(rp.issuer, page, "person", "alice")
	if status, _, away := other.open(rp.issuer, rp.issuer+"/authorize/callback?id="+id); away != "" || status != http.StatusBadRequest {
		t.Errorf("another browser fetched the code: status %d, sent to %q", status, away)
	}
}

func TestAnotherSiteCannotPick(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	request, err := http.NewRequest(http.MethodPost, rp.issuer+"/login", strings.NewReader("person=alice"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := browser.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := browser.read(response); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
}

func TestTheSecondSignInIsSilentUnlessAskedFor(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	first := rp.claims(rp.signIn(browser, "bob"))

	f, address := rp.begin(oauth2.SetAuthURLParam("prompt", "none"))
	_, _, away := browser.open(rp.issuer, address)
	token, err := rp.oauth.Exchange(t.Context(), rp.code(f, away), oauth2.VerifierOption(f.verifier))
	if err != nil {
		t.Fatal(err)
	}
	if second := rp.claims(token); second.Subject != "bob" || second.SID != first.SID || second.AuthTime != first.AuthTime {
		t.Errorf("first %+v, then %+v", first, second)
	}
	for _, option := range []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("prompt", "login"),
		oauth2.SetAuthURLParam("prompt", "select_account"),
		oauth2.SetAuthURLParam("max_age", "0"),
	} {
		_, address := rp.begin(option)
		_, page, away := browser.open(rp.issuer, address)
		if away != "" || !strings.Contains(page, "Who are you?") || !strings.Contains(page, "(signed in)") {
			t.Errorf("%s: sent to %q without a page", address, away)
		}
	}
}

func TestACodeIsGoodOnceAndOnlyWithItsVerifier(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	f, address := rp.begin()
	_, page, _ := browser.open(rp.issuer, address)
	code := rp.code(f, browser.submit(rp.issuer, page, "person", "alice"))

	_, err := rp.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(oauth2.GenerateVerifier()))
	wantError(t, err, "invalid_grant")
	token, err := rp.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		t.Fatal(err)
	}
	_, err = rp.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(f.verifier))
	wantError(t, err, "invalid_grant")
	_, err = rp.refresh(token.RefreshToken)
	wantError(t, err, "invalid_grant") // what the code gave has ended
	if got := rp.provider.Counts(); got.Codes != 1 || got.CodeReuses == 0 || got.Refreshes != 0 {
		t.Errorf("counts %+v", got)
	}
}

func TestAClientWithoutItsSecretGetsNothing(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	token := rp.signIn(browser, "alice")
	rp.oauth.ClientSecret = "guessed"
	if _, err := rp.refresh(token.RefreshToken); err == nil {
		t.Error("the refresh token was redeemed")
	}
	if got := rp.provider.Counts(); got.Refreshes != 0 || got.Reuses != 0 {
		t.Errorf("counts %+v", got)
	}
}

func TestRefreshTokensRotateAndAReusedOneEndsTheGrant(t *testing.T) {
	rp := newRelyingParty(t)
	first := rp.signIn(newVisitor(t), "alice")
	before := rp.claims(first)
	rp.provider.SetGroups("alice", "staff")

	second, err := rp.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the tokens did not rotate")
	}
	got := rp.claims(second)
	if got.Subject != "alice" || got.AuthTime != before.AuthTime || got.ACR != before.ACR || got.SID != before.SID || got.Nonce != "" {
		t.Errorf("first %+v, refreshed %+v", before, got)
	}
	if !slices.Equal(got.Groups, []string{"staff"}) {
		t.Errorf("a group that was taken away is still there: %q", got.Groups)
	}

	_, err = rp.refresh(first.RefreshToken)
	wantError(t, err, "invalid_grant")
	_, err = rp.refresh(second.RefreshToken)
	wantError(t, err, "invalid_grant") // in two hands, so in nobody's
	if got := rp.provider.Counts(); got.Refreshes != 1 || got.Reuses != 1 {
		t.Errorf("counts %+v", got)
	}
}

func TestOfManyAtOnceOneRedeemsTheRefreshToken(t *testing.T) {
	rp := newRelyingParty(t)
	token := rp.signIn(newVisitor(t), "bob")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { _, _ = rp.refresh(token.RefreshToken) })
	}
	group.Wait()
	if got := rp.provider.Counts(); got.Refreshes != 1 || got.Reuses != 7 {
		t.Errorf("counts %+v", got)
	}
}

func TestARevokedRefreshTokenIsGone(t *testing.T) {
	rp := newRelyingParty(t)
	token := rp.signIn(newVisitor(t), "bob")
	request, err := http.NewRequest(http.MethodPost, rp.issuer+"/revoke",
		strings.NewReader(url.Values{"token": {token.RefreshToken}, "token_type_hint": {"refresh_token"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(rp.oauth.ClientID), url.QueryEscape(rp.oauth.ClientSecret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
	_, err = rp.refresh(token.RefreshToken)
	wantError(t, err, "invalid_grant")
}

func TestAccessTokensEnd(t *testing.T) {
	rp := newRelyingParty(t, func(o *ProviderOptions) { o.AccessTokenLifetime = time.Nanosecond })
	token := rp.signIn(newVisitor(t), "bob")
	_, err := rp.oidc.UserInfo(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.AccessToken}))
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("userinfo with an expired token: %v, want 401", err)
	}
}

func TestSigningOutEndsTheSessionAndItsGrants(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	token := rp.signIn(browser, "alice")
	hint, _ := token.Extra("id_token").(string)
	const back = "http://auth.localhost:8000/.picket/signed_out"
	query := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {back}, "state": {"s"}}

	_, _, away := browser.open(rp.issuer, rp.issuer+"/end_session?"+query.Encode())
	if away != back+"?state=s" {
		t.Errorf("sent to %q", away)
	}
	_, address := rp.begin()
	if _, page, away := browser.open(rp.issuer, address); away != "" || strings.Contains(page, "(signed in)") {
		t.Errorf("still signed in at the provider, sent to %q", away)
	}
	_, err := rp.refresh(token.RefreshToken)
	wantError(t, err, "invalid_grant")
	if got := rp.provider.Counts().SignOuts; got != 1 {
		t.Errorf("%d sign-outs", got)
	}
}

func TestSigningOutIsNotAStrangersLink(t *testing.T) {
	rp, browser := newRelyingParty(t), newVisitor(t)
	token := rp.signIn(browser, "alice")
	hint, _ := token.Extra("id_token").(string)
	for name, query := range map[string]url.Values{
		"without a hint":        {"client_id": {"picket"}, "post_logout_redirect_uri": {"http://auth.localhost:8000/x"}},
		"to somewhere else":     {"id_token_hint": {hint}, "post_logout_redirect_uri": {"http://evil.example/"}},
		"to a host that begins": {"id_token_hint": {hint}, "post_logout_redirect_uri": {"http://auth.localhost:8000.evil.example/"}},
		"with a forged hint":    {"id_token_hint": {hint[:len(hint)-8] + "AAAAAAAA"}, "post_logout_redirect_uri": {"http://auth.localhost:8000/x"}},
	} {
		if _, _, away := browser.open(rp.issuer, rp.issuer+"/end_session?"+query.Encode()); away != "" {
			t.Errorf("%s: sent to %q", name, away)
		}
	}
	_, page, _ := browser.open(rp.issuer, rp.issuer+"/")
	if !strings.Contains(page, "alice is signed in here") {
		t.Errorf("alice was signed out:\n%s", page)
	}
	response, err := browser.client.PostForm(rp.issuer+"/sign_out", nil)
	if err != nil {
		t.Fatal(err)
	}
	browser.read(response)
	if _, page, _ := browser.open(rp.issuer, rp.issuer+"/"); !strings.Contains(page, "Nobody is signed in") {
		t.Error("the button did not sign alice out")
	}
}

func TestAProviderSaysAllThatIsMissing(t *testing.T) {
	_, err := NewProvider(ProviderOptions{Issuer: "http://127.0.0.1:1/"})
	for _, want := range []string{"slash", "client secret", "redirect URI"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want it to speak of %q", err, want)
		}
	}
}

func wantError(t *testing.T, err error, code string) {
	t.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != code {
		t.Errorf("got %v, want %s", err, code)
	}
}
