package proxy

import (
	"maps"
	"net/http"
	"net/textproto"
	"sync"
)

// early passes on what an application says before it responds (1xx). A transport of net/http may still do so when it has
// given up on the request; nothing may be written then.
type early struct {
	mu    sync.Mutex
	to    http.ResponseWriter
	ended bool // guarded by mu
}

// inform passes one such response on.
func (e *early) inform(status int, header textproto.MIMEHeader) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil
	}
	h := e.to.Header()
	maps.Copy(h, http.Header(header))
	dropHops(h)
	e.to.WriteHeader(status)
	clear(h)
	return nil
}

// end lets no more pass.
func (e *early) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
}
