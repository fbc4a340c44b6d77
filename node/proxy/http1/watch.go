package http1

import (
	"errors"
	"os"
	"sync"
	"time"
)

// watchAfter is how long a handler may take before somebody looks whether the client is still there. Most are done by then.
const watchAfter = 20 * time.Millisecond

// watch notices that a client left while its request is being handled: it reads ahead, what comes is kept for later. It begins
// when the body has been read, or else the handler reads, and notices by itself.
type watch struct {
	conn *conn

	mu      sync.Mutex
	timer   *time.Timer   // guarded by mu
	stopped bool          // guarded by mu
	reading chan struct{} // guarded by mu: closed when the read has ended; nil: none was begun
}

func newWatch(c *conn) *watch {
	w := &watch{conn: c}
	w.mu.Lock() // look may come at once
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(watchAfter, w.look)
	return w
}

// look begins to read ahead when it may.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.conn
	switch {
	case w.stopped:
		return
	case c.body != nil && !c.body.done():
		w.timer.Reset(watchAfter)
		return
	}
	w.reading = make(chan struct{})
	go w.read(w.reading)
}

func (w *watch) read(ended chan struct{}) {
	defer close(ended)
	for {
		switch err := w.conn.input.more(bufferSize); {
		case err == nil: // of the next request
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, errTooLong): // stopped, or there is no room for more
			return
		default:
			w.conn.gone()
			return
		}
	}
}

// stop ends it; the input is the caller's again.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.stopped = true
	if w.reading == nil {
		return
	}
	_ = w.conn.input.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	<-w.reading
	_ = w.conn.input.conn.SetReadDeadline(time.Time{})
	w.reading = nil
}
