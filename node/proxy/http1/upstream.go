package http1

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// upstream is one connection to an application.
type upstream struct {
	transport *Transport
	address   string
	input     input
	out       output
	bounds    *limits
	used      bool  // an exchange was done on it before
	heard     bool  // something of the present answer came
	since     int64 // by the clock, when it was kept

	life *Life         // of the present question, which holds the connection; nil: none
	sent chan struct{} // closed when the request's body has been sent; nil: there is none
	fail error         // of sending the body; to be read after sent

	ending atomic.Bool // the last bytes of the body are being sent

	mu       sync.Mutex
	answered bool // guarded by mu: the header of the response is there
}

func (u *upstream) close() {
	u.letGo()
	u.end()
	u.input.release()
}

// end closes the connection.
func (u *upstream) end() {
	_ = u.input.conn.Close() // whatever was to come of it
	u.bounds.drop()
}

// letGo takes the connection out of the hands of the question's life; false: that has ended.
func (u *upstream) letGo() bool {
	life := u.life
	u.life = nil
	return life == nil || life.LetGo()
}

// ask sends a question and reads the header of its answer.
func (u *upstream) ask(q *Question) (*Answer, error) {
	u.life, u.sent, u.answered = q.Life, nil, false
	if !q.Life.Hold(u.input.conn) {
		return nil, q.Life.Err()
	}
	b, err := q.appendHead(u.out.head())
	u.out.buf = b
	left := int64(0)
	switch {
	case err != nil:
		err = fmt.Errorf("making the request: %w", err)
	case q.Body != nil:
		if left, err = u.takeHeld(q); err != nil {
			err = fmt.Errorf("sending the body: %w", err)
		}
	}
	if err == nil {
		err = u.sendHead(q)
	}
	if err != nil {
		u.out.release()
		return nil, err
	}
	if left == 0 {
		u.out.release()
		q.close()
		return u.answer(q)
	}
	if q.Expect {
		if a, err := u.awaitContinue(q); a != nil || err != nil {
			u.out.release()
			q.close()
			return a, err
		}
	}
	u.sent = make(chan struct{})
	u.ending.Store(false)
	go u.sendBody(q, left)
	return u.answer(q)
}

// atOnce tells whether all of a question can be sent and its answer waited for in one go.
func (u *upstream) atOnce(q *Question) bool { return q.Body == nil && u.input.socket != nil }

// sendHead sends the head that was written: also before a body, which may be long in coming. When there is none, what comes first of
// the answer has been read. errStale: nothing was sent.
func (u *upstream) sendHead(q *Question) error {
	if u.atOnce(q) {
		u.bounds.reading(u.transport.HeaderTimeout)
		sent, err := u.input.ask(u.out.buf)
		whole := sent == len(u.out.buf)
		if whole {
			u.out.buf = nil // it is the input's
		}
		switch {
		case err == errStale && u.used:
			return err
		case err == errStale:
			return fmt.Errorf("reading the response: %w before it was asked", errGaveUp)
		case whole && err != nil:
			return u.late(err)
		case whole:
			u.heard = true
			return nil
		case err != nil:
			return fmt.Errorf("sending the request: %w", err)
		}
		u.out.buf = append(u.out.buf[:0], u.out.buf[sent:]...) // there was no room for more
	}
	if err := u.out.flush(); err != nil {
		return fmt.Errorf("sending the request: %w", err)
	}
	return nil
}

// answer reads the header of the response, and before it what is informational.
func (u *upstream) answer(q *Question) (*Answer, error) {
	if u.sent == nil && !u.heard {
		u.bounds.reading(u.transport.HeaderTimeout) // else it is so since the question was sent, or will be when its body was
	}
	for range mostInformation {
		a, framed, err := u.readHead(q)
		if err != nil {
			return nil, u.late(err)
		}
		if a.Status >= 200 || a.Status == http.StatusSwitchingProtocols {
			u.nowAnswered()
			return u.open(a, framed), nil
		}
		if err := inform(q, &a.Answer); err != nil {
			return nil, err
		}
	}
	return nil, errAnswer
}

// mostInformation is how many informational responses may come before the response.
const mostInformation = 16

// nowAnswered ends the time for the response.
func (u *upstream) nowAnswered() {
	if u.sent != nil { // somebody may be about to begin it
		u.mu.Lock()
		defer u.mu.Unlock()
		u.answered = true
	}
	u.bounds.reading(0)
}

// waitForAnswer begins to count the time for the response, now that the body has been sent.
func (u *upstream) waitForAnswer() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.answered {
		u.bounds.reading(u.transport.HeaderTimeout)
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
func (u *upstream) awaitContinue(q *Question) (*Answer, error) {
	_ = u.input.conn.SetReadDeadline(time.Now().Add(u.transport.ContinueTimeout)) // of a connection that is closed, reading tells
	defer func() { _ = u.input.conn.SetReadDeadline(time.Time{}) }()
	for range mostInformation {
		a, framed, err := u.readHead(q)
		var wait net.Error
		switch {
		case err != nil && !u.heard && errors.As(err, &wait) && wait.Timeout():
			return nil, nil
		case err != nil:
			return nil, u.late(err)
		case a.Status >= 200, a.Status == http.StatusSwitchingProtocols:
			framed.last = true // the body was promised, and is not sent
			return u.open(a, framed), nil
		}
		u.heard = false // of the response
		if err := inform(q, &a.Answer); err != nil || a.Status == http.StatusContinue {
			return nil, err
		}
	}
	return nil, errAnswer
}

// inform hands on an informational response.
func inform(q *Question, a *Answer) error {
	if q.Informed == nil {
		return nil
	}
	return q.Informed.Inform(a.Status, a.Fields)
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
	undisturbed := u.letGo()
	sent := u.sent == nil || whole && u.bodySent()
	if !whole || !sent || !undisturbed || len(u.input.held()) > 0 {
		u.end()
		u.input.release()
		return
	}
	u.input.release()
	u.transport.pool.keep(u, u.transport.IdleConns, u.transport.IdleTimeout)
}
