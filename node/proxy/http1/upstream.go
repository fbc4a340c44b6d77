package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"sync/atomic"
	"time"
)

// upstream is one connection to an application.
type upstream struct {
	transport *Transport
	address   string
	input     input
	used      bool // an exchange was done on it before
	heard     bool // something of the present answer came
	since     time.Time

	stop func() bool   // takes the watch over the context away
	sent chan struct{} // closed when the request's body has been sent; nil: there is none
	fail error         // of sending the body; to be read after sent

	ending atomic.Bool // the last bytes of the body are being sent

	mu       sync.Mutex
	answered bool // guarded by mu: the header of the response is there
}

func (u *upstream) close() {
	if u.stop != nil {
		u.stop()
	}
	_ = u.input.conn.Close()
}

// ask sends a request and reads the header of its response.
func (u *upstream) ask(r *http.Request) (*http.Response, error) {
	conn := u.input.conn
	u.stop = context.AfterFunc(r.Context(), func() { _ = conn.Close() })
	u.sent, u.answered = nil, false
	u.ending.Store(false)
	w := u.transport.writers.get(conn)
	err := writeRequest(w, r)
	if err == nil {
		err = w.Flush() // also before a body, which may be long in coming
	}
	if err != nil {
		u.transport.writers.put(w)
		return nil, fmt.Errorf("sending the request: %w", err)
	}
	if !hasBody(r) {
		u.transport.writers.put(w)
		return u.answer(r)
	}
	if expects(r) {
		if res, err := u.awaitContinue(r); res != nil || err != nil {
			u.transport.writers.put(w)
			closeBody(r)
			return res, err
		}
	}
	u.sent = make(chan struct{})
	go u.sendBody(w, r)
	return u.answer(r)
}

// answer reads the header of the response, and before it what is informational.
func (u *upstream) answer(r *http.Request) (*http.Response, error) {
	if u.sent == nil {
		u.setDeadline(u.transport.HeaderTimeout) // else when the body has been sent
	}
	for range mostInformation {
		res, framed, err := u.readHead(r)
		if err != nil {
			return nil, u.late(err)
		}
		if res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			u.nowAnswered()
			return u.open(res, framed), nil
		}
		if err := inform(r, res); err != nil {
			return nil, err
		}
	}
	return nil, errAnswer
}

// mostInformation is how many informational responses may come before the response.
const mostInformation = 16

// nowAnswered ends the time for the response.
func (u *upstream) nowAnswered() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answered = true
	u.setDeadline(0)
}

// waitForAnswer begins to count the time for the response, now that the body has been sent.
func (u *upstream) waitForAnswer() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.answered {
		u.setDeadline(u.transport.HeaderTimeout)
	}
}

// late prefers, to not having an answer, why the request's body could not be sent.
func (u *upstream) late(err error) error {
	if u.sent != nil {
		select {
		case <-u.sent:
			if u.fail != nil {
				return fmt.Errorf("sending the body: %w", u.fail)
			}
		default:
		}
	}
	if errors.Is(err, io.EOF) && !u.heard {
		return errGaveUp
	}
	return fmt.Errorf("reading the response: %w", unexpected(err))
}

// awaitContinue waits for 100 Continue, for a while. A response means that the body is not wanted.
func (u *upstream) awaitContinue(r *http.Request) (*http.Response, error) {
	u.setDeadline(u.transport.ContinueTimeout)
	defer u.setDeadline(0)
	for range mostInformation {
		res, framed, err := u.readHead(r)
		var wait net.Error
		switch {
		case err != nil && !u.heard && errors.As(err, &wait) && wait.Timeout():
			return nil, nil
		case err != nil:
			return nil, u.late(err)
		case res.StatusCode >= 200, res.StatusCode == http.StatusSwitchingProtocols:
			framed.last = true // the body was promised, and is not sent
			return u.open(res, framed), nil
		}
		if err := inform(r, res); err != nil || res.StatusCode == http.StatusContinue {
			u.heard = false
			return nil, err
		}
	}
	return nil, errAnswer
}

// inform hands on an informational response to whoever traces the request.
func inform(r *http.Request, res *http.Response) error {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace == nil || trace.Got1xxResponse == nil {
		return nil
	}
	return trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header))
}

func (u *upstream) setDeadline(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = u.input.conn.SetReadDeadline(at) // of a connection that is closed, reading tells
}

// quiet tells whether a kept connection is still open and silent.
func (u *upstream) quiet() bool {
	if u.input.raw == nil {
		return true
	}
	var silent bool
	err := u.input.raw.Read(func(socket uintptr) bool {
		done, _ := u.input.try(int(socket))
		silent = !done
		return true
	})
	return err == nil && silent
}

// sendTime is how long the last bytes of a body may take to be sent when the answer is there already.
const sendTime = 100 * time.Millisecond

// bodySent tells whether the body was sent whole. An answer may overtake the news of that.
func (u *upstream) bodySent() bool {
	if !u.ending.Load() {
		return false // there is more of it
	}
	late := time.NewTimer(sendTime)
	defer late.Stop()
	select {
	case <-u.sent:
		return u.fail == nil
	case <-late.C:
		return false
	}
}

// over is called when the response has come to its end: whole tells whether the connection is where a next one may begin.
func (u *upstream) over(whole bool) {
	undisturbed := u.stop()
	sent := u.sent == nil || whole && u.bodySent()
	if !whole || !sent || !undisturbed || len(u.input.held()) > 0 {
		_ = u.input.conn.Close()
		u.input.release()
		return
	}
	u.input.release()
	u.transport.pool.keep(u, u.transport.IdleConns, u.transport.IdleTimeout)
}
