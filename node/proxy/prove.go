package proxy

import (
	"net/http"
	"strings"

	"picket/node/proxy/http1"
)

// challengePath begins the paths at which an ACME authority asks for a proof (RFC 8555, section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// prove answers an ACME authority, and tells whether it did. It asks without TLS, and for hosts that may have no route: for
// a token that is known, no more is looked at. Any other goes the way of all requests: an application may order certificates
// of its own.
func (d *Door) prove(a *ask, l *front) bool {
	token, ok := strings.CutPrefix(a.in.Request.Path, challengePath)
	if !ok || l.TLS() || a.rules.keyAuthorization == nil || a.r.Method != http.MethodGet {
		return false
	}
	text, ok := a.rules.keyAuthorization(&a.r.Life, token)
	a.in.Now = d.now() // that may have taken long
	if !ok {
		return false
	}
	a.hangUp()
	a.w.Begin(http1.Reply{Status: http.StatusOK, Length: int64(len(text)), Fields: http1.Fields{
		{Name: "Content-Type", Value: "application/octet-stream"}, {Name: "Cache-Control", Value: "no-store"},
	}})
	if _, err := a.w.Write([]byte(text)); err == nil {
		_ = a.w.Finish(nil) // an authority that is gone is told nothing
	}
	return true
}
