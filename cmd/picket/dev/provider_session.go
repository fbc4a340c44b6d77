package dev

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// session is a person signed in at the provider, in one browser: what lets the next sign-in happen without the page.
type session struct {
	sid    string // in ID tokens, so that a client can end this very session
	person string
	at     time.Time // auth_time
}

// browserKey is where the context holds the id of the browser that asks.
type browserKey struct{}

func browserOf(ctx context.Context) string {
	id, _ := ctx.Value(browserKey{}).(string)
	return id
}

// cookie is the name of the browser's id. Cookies do not keep ports apart, so the name does.
func (p *Provider) cookie() string {
	port := ""
	if issuer, err := url.Parse(p.options.Issuer); err == nil {
		port = issuer.Port()
	}
	return "picket-dev-provider-" + port
}

// known tells browsers apart: a sign-in request belongs to the browser that began it, and so does a session.
func (p *Provider) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if c, err := r.Cookie(p.cookie()); err == nil {
			id = c.Value
		}
		if id == "" && r.URL.Path == "/authorize" {
			id = rand.Text()
			http.SetCookie(w, &http.Cookie{Name: p.cookie(), Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), browserKey{}, id)))
	})
}

// begin signs a person in; the same person again stays in the same session, at a later time. The caller holds mu.
func (s *store) begin(browser, name string) *session {
	sid := rand.Text()
	if old := s.browsers[browser]; old != nil && old.person == name {
		sid = old.sid
	}
	s.browsers[browser] = &session{sid: sid, person: name, at: time.Now()}
	return s.browsers[browser]
}

// signedIn is who is signed in there; false: nobody.
func (s *store) signedIn(browser string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.browsers[browser]; now != nil {
		return *now, true
	}
	return session{}, false
}

// end ends a session and every grant that was made in it. The caller holds mu.
func (s *store) end(sid string) {
	for browser, session := range s.browsers {
		if session.sid == sid {
			delete(s.browsers, browser)
			s.counts.SignOuts++
		}
	}
	for _, t := range s.refresh {
		if t.grant.sid == sid {
			t.grant.ended = true
		}
	}
	for _, t := range s.access {
		if t.grant.sid == sid {
			t.grant.ended = true
		}
	}
}

// TerminateSessionFromRequest is RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0, section 2). Who shows an
// ID token ends its session at once and is sent back; anybody else could be a stranger's link, and comes to the
// provider's own page, where there is a button for it.
func (s *store) TerminateSessionFromRequest(_ context.Context, r *op.EndSessionRequest) (string, error) {
	if r.IDTokenHintClaims == nil {
		return s.options.Issuer + "/", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(r.IDTokenHintClaims.SessionID)
	return r.RedirectURI, nil
}

// TerminateSession is superseded by TerminateSessionFromRequest.
func (s *store) TerminateSession(context.Context, string, string) error { return nil }
