package http1

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// watchAfter is how long a handler may take before somebody looks whether the client is still there, or up to twice that. Most
	// are done by then.
	watchAfter = 20 * time.Millisecond
	// mostVain is after how many looks for nothing the next comes no later: that is 160 ms. Looking costs, too.
	mostVain = 6
)

// watch notices that a client left while its request is being handled: it reads ahead, what comes is kept for later. It begins
// when the body has been read, or else the handler reads, and notices by itself. A connection has one, for all its requests.
type watch struct {
	conn *conn

	mu      sync.Mutex
	timer   *time.Timer   // guarded by mu; nil: there was no request yet
	runs    bool          // guarded by mu: the timer does
	served  *exchange     // guarded by mu: the request under way; nil: none
	seen    *exchange     // guarded by mu: the one that was under way when somebody last looked
	vain    int           // guarded by mu: how many looks were for nothing
	reading chan struct{} // guarded by mu: closed when the read has ended; nil: none was begun
}

// start has somebody look after a while. On a busy connection the timer goes on from one request to the next: setting it for each
// costs more.
func (w *watch) start(x *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.served = x
	switch {
	case w.runs:
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(watchAfter, w.look)
	default:
		w.timer.Reset(w.after())
	}
	w.runs = true
}

// after is how long it is until the next look: twice as long after each two that were for nothing.
func (w *watch) after() time.Duration { return watchAfter << (w.vain / 2) }

// look begins to read ahead when it may: of a request that was under way before.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = false
	x, before := w.served, w.seen
	w.seen = x
	if x != before || x == nil {
		w.vain = min(w.vain+1, mostVain)
	}
	switch {
	case x == nil || w.reading != nil: // nothing is under way, or somebody reads already
		return
	case x != before, x.Body != nil && !x.body.done():
		w.timer.Reset(w.after())
		w.runs = true
		return
	}
	w.vain = 0
	w.reading = make(chan struct{})
	go w.read(x, w.reading)
}

func (w *watch) read(x *exchange, ended chan struct{}) {
	defer close(ended)
	for {
		err := w.conn.input.ahead()
		if errors.Is(err, errTooLong) { // there is no room for more
			err = w.conn.input.awaitEnd()
		}
		switch {
		case err == nil: // of the next request
		case errors.Is(err, os.ErrDeadlineExceeded): // stopped
			return
		default:
			x.Life.End(ErrClientGone)
			return
		}
	}
}

// stop ends it; the input is the caller's again.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.served, w.seen = nil, nil
	if w.reading == nil {
		return
	}
	_ = w.conn.input.conn.SetReadDeadline(long()) // wakes the reader
	<-w.reading
	_ = w.conn.input.conn.SetReadDeadline(time.Time{})
	w.reading = nil
}
