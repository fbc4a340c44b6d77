package authn

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"
)

// What a provider may answer a refresh with that spends nothing.
func spendsNothing() map[string]http.HandlerFunc {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>no", code) }
	}
	return map[string]http.HandlerFunc{
		"too many requests": status(http.StatusTooManyRequests),
		"unavailable":       status(http.StatusServiceUnavailable),
		"server error":      status(http.StatusInternalServerError),
		"bad gateway":       status(http.StatusBadGateway),
		"not found":         status(http.StatusNotFound),
		"elsewhere":         func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sorry", http.StatusFound) },
		"said so":           func(w http.ResponseWriter, _ *http.Request) { refuse(w, "temporarily_unavailable") },
		"our own mistake":   func(w http.ResponseWriter, _ *http.Request) { refuse(w, "invalid_client") },
	}
}

// What a provider may answer a refresh with that leaves it unclear what became of the token.
func unclearAnswers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"gateway timed out": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) },
		"hung up":           func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"not JSON":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no access token":   func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"token_type": "Bearer"}) },
		"torn": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"access_`))
		},
		"too slow": func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm() // only then is it noticed that nobody waits any more
			<-r.Context().Done()
		},
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   verdict
	}{
		{400, "invalid_grant", invalid}, {401, "invalid_grant", invalid}, {200, "invalid_grant", invalid}, {500, "invalid_grant", unspent},
		{400, "interaction_required", invalid}, {400, "invalid_client", unspent}, {401, "invalid_client", unspent},
		{429, "", unspent}, {429, "slow_down", unspent}, {503, "", unspent}, {400, "temporarily_unavailable", unspent},
		{500, "server_error", unspent}, {400, "server_error", unspent}, {500, "", unspent}, {502, "", unspent}, {502, "invalid_request", unspent},
		{404, "", unspent}, {302, "", unspent}, {400, "unauthorized_client", refused}, {400, "invalid_scope", refused}, {200, "odd", refused},
		{504, "", unclear}, {524, "", unclear}, {200, "", unclear},
	} {
		if got := judge(c.status, c.code); got != c.want {
			t.Errorf("%d %q: got %d, want %d", c.status, c.code, got, c.want)
		}
	}
}

func TestWhatSpentNothingIsTriedAgain(t *testing.T) {
	for what, token := range spendsNothing() {
		t.Run(what, func(t *testing.T) {
			w, b, id := aged(t)
			w.idp.set(func() { w.idp.token = token })
			outcome, err := w.refreshOnce(w.ctx, id)
			if outcome != refreshPostponed || !errors.Is(err, ErrProvider) {
				t.Fatalf("got %s, %v", outcome, err)
			}
			if _, k := stored(t, w, id); k.Claimed != nil {
				t.Error("the claim was kept")
			}
			b.is(wikiHost, Found)
			w.idp.set(func() { w.idp.token = nil })
			w.clock.pass(restMost)
			w.until("the tokens are refreshed on use", func() bool {
				b.is(wikiHost, Found)
				w.clock.pass(time.Second)
				_, k := stored(t, w, id)
				return k.Generation == 1
			})
			if most, _ := w.idp.mostRedemptions(); most != 1 {
				t.Errorf("a token was redeemed %d times", most)
			}
		})
	}
}

func TestAnUnclearAnswerIsNeverTriedAgain(t *testing.T) {
	for what, token := range unclearAnswers() {
		t.Run(what, func(t *testing.T) {
			w, b, id := aged(t)
			if what == "too slow" {
				w.providers["corp"].patient = newClient(nil, 5*time.Second)
			}
			shown := 0
			w.idp.set(func() {
				w.idp.token = func(rw http.ResponseWriter, r *http.Request) {
					w.idp.set(func() { shown++ })
					token(rw, r)
				}
			})
			if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshUnclear || !errors.Is(err, ErrProvider) {
				t.Fatalf("got %s, %v", outcome, err)
			}
			w.clock.pass(5 * time.Minute)
			if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshNotNeeded || err != nil {
				t.Errorf("again: %s, %v", outcome, err)
			}
			b.is(wikiHost, Found) // its tokens are good
			w.clock.pass(5 * time.Minute)
			b.is(wikiHost, Absent)
			w.idp.set(func() {
				if shown != 1 {
					t.Errorf("shown %d times", shown)
				}
			})
		})
	}
}

func TestAnUnclearAnswerEndsNoSessionWhoseTokensDoNotRunOut(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() { w.idp.answers = func(m map[string]any) { delete(m, "expires_in") } })
	b, id := signedIn(t, w, 2*time.Hour)
	w.idp.set(func() { w.idp.token = unclearAnswers()["hung up"] })
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshUnclear || err == nil {
		t.Fatalf("got %s, %v", outcome, err)
	}
	w.clock.pass(claimTime)
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshNotNeeded || err != nil {
		t.Errorf("again: %s, %v", outcome, err)
	}
	b.is(wikiHost, Found)
}

func TestAnUnclearAnswerEndsASessionWhoseTokensHaveRunOut(t *testing.T) {
	w, b, _ := lapsed(t)
	w.idp.set(func() { w.idp.token = unclearAnswers()["hung up"] })
	b.is(wikiHost, Absent)
}

func TestAProviderThatIsWellAndRefusesEndsTheSessionWithItsTokens(t *testing.T) {
	w, b, id := aged(t)
	w.idp.set(func() {
		w.idp.token = func(w http.ResponseWriter, _ *http.Request) { refuse(w, "unauthorized_client") }
	})
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshPostponed || !errors.Is(err, ErrProvider) {
		t.Fatalf("got %s, %v", outcome, err)
	}
	b.is(wikiHost, Found)
	if s := w.Providers()[0]; !s.Reachable || s.Failures != 0 {
		t.Errorf("the provider is %+v", s)
	}
	w.clock.pass(time.Hour)
	b.is(wikiHost, Absent)
}

func TestAProviderThatCannotBeReachedSpendsNothing(t *testing.T) {
	w, b, id := aged(t)
	w.idp.server.Close()
	if outcome, _ := w.refreshOnce(w.ctx, id); outcome != refreshPostponed {
		t.Errorf("got %s", outcome)
	}
	if _, k := stored(t, w, id); k.Claimed != nil {
		t.Error("the claim was kept")
	}
	b.is(wikiHost, Found)
	w.clock.pass(2 * time.Hour)
	b.is(wikiHost, Unknown)
}

// dialsBy has a node's refreshes reach the provider in another way.
func (a *Authn) dialsBy(dial func(context.Context, string, string) (net.Conn, error)) {
	a.providers["corp"].patient.http.Transport.(limited).next.(*http.Transport).DialContext = dial
}

func TestAConnectionThatDiesBeforeAByteIsSentSpendsNothing(t *testing.T) {
	for what, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"broken": func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			_ = theirs.Close()
			return &counted{Conn: ours}, nil
		},
		"none": func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") },
	} {
		t.Run(what, func(t *testing.T) {
			w, _, id := aged(t)
			w.dialsBy(dial)
			if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshPostponed || !errors.Is(err, ErrProvider) {
				t.Errorf("got %s, %v", outcome, err)
			}
			if _, k := stored(t, w, id); k.Claimed != nil {
				t.Error("the claim was kept")
			}
		})
	}
}

func TestWhatWasSentIsKnown(t *testing.T) {
	for what, server := range map[string]*httptest.Server{
		"HTTP/1": httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })),
		"TLS":    httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })),
	} {
		defer server.Close()
		roots := x509.NewCertPool()
		if server.Certificate() != nil {
			roots.AddCert(server.Certificate())
		}
		c := newClient(roots, time.Minute)
		var s sending
		req, err := http.NewRequestWithContext(s.watch(t.Context()), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.http.Do(req); err == nil {
			t.Errorf("%s: answered with %s", what, resp.Status)
		}
		if s.nothing() {
			t.Errorf("%s: nothing was sent", what)
		}
	}
}

// lateConn is a connection whose Write returns after what it wrote was answered.
type lateConn struct {
	net.Conn
	written func()
}

func (c lateConn) Write(p []byte) (int, error) {
	c.written()
	return len(p), nil
}

func TestWhatIsBeingWrittenMayHaveBeenSent(t *testing.T) {
	var s sending
	c := &counted{Conn: lateConn{written: func() {
		if s.nothing() {
			t.Error("an answer that comes before Write returns is one to nothing")
		}
	}}}
	s.got(httptrace.GotConnInfo{Conn: c})
	if !s.nothing() {
		t.Error("something was sent on a connection that took nothing")
	}
	if _, err := c.Write([]byte("a token")); err != nil || s.nothing() {
		t.Errorf("nothing was sent, %v", err)
	}
	s.got(httptrace.GotConnInfo{Conn: &counted{}}) // another try
	if s.nothing() {
		t.Error("what an earlier connection took is forgotten")
	}
}

func TestRetryAfterOf(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		r := &http.Response{Header: http.Header{"Retry-After": {text}}}
		if got := retryAfterOf(r, now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
