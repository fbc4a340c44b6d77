package proxy

import (
	"net/http"
	"net/textproto"
	"sync"

	"picket/node/proxy/http1"
)

// early passes on what an application says before it responds (1xx). A transport of net/http may still do so when it has
// given up on the request; nothing may be written then.
type early struct {
	mu    sync.Mutex
	to    func(status int, fields http1.Fields) error
	ended bool // guarded by mu
}

// inform passes one such response on.
func (e *early) inform(status int, header textproto.MIMEHeader) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil
	}
	return e.to(status, http1.Fields(nil).Flat(http.Header(header)))
}

// end lets no more pass.
func (e *early) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
}
