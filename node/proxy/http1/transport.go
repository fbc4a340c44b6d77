package http1

import (
	"context"
	"errors"
	"net"
	"time"
)

// Transport asks applications over HTTP/1.1. The goroutine that asks writes the request and reads the response itself; only a
// request's body has one of its own, so that an answer may come before its end.
//
// A question is sent a second time only when it was sent on a connection that had been used before, nothing of an answer came, and
// the method promises that twice is like once (RFC 9110, section 9.2.2) and there is no body. The end of its life closes the
// connection. Errors of connecting are those of Dial; those of waiting have Timeout() true.
type Transport struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	HeaderTimeout   time.Duration // for the header of a response, once the request is sent; 0: without end
	ContinueTimeout time.Duration // to wait for 100 Continue before the body is sent all the same
	IdleTimeout     time.Duration // for which a connection is kept; 0: without end
	IdleConns       int           // kept of each address
	HeaderBytes     int           // of a response's header

	pool    pool
	buffers buffers
	rooms   Rooms
	clock   clock
}

// errGaveUp says that a connection that had been used before ended without an answer.
var errGaveUp = errors.New("the application closed the connection")

// Ask sends a question to HOST:PORT and gives the answer, which must be closed. The question's body is closed in any case, maybe
// later.
func (t *Transport) Ask(q *Question, address string) (*Answer, error) {
	for {
		u, err := t.connect(q, address)
		if err != nil {
			q.close()
			return nil, err
		}
		a, err := u.ask(q)
		if err == nil {
			return a, nil
		}
		again := err == errStale || u.used && !u.heard && q.repeatable() && q.Life.Err() == nil && !tookTooLong(err)
		u.close()
		if !again {
			q.close()
			if cause := q.Life.Err(); cause != nil {
				return nil, cause
			}
			return nil, err
		}
	}
}

// tookTooLong tells whether an application had the question, as far as anybody knows, and its time: twice would be too much for one
// that is slow.
func tookTooLong(err error) bool {
	var wait net.Error
	return errors.As(err, &wait) && wait.Timeout()
}

// connect takes a connection that is kept, or makes one.
func (t *Transport) connect(q *Question, address string) (*upstream, error) {
	for {
		u := t.pool.take(address, t.IdleTimeout, t.clock.now.Load())
		if u == nil {
			break
		}
		if u.atOnce(q) || u.input.silent() { // what came unasked is the answer to nothing
			u.used, u.heard = true, false
			return u, nil
		}
		u.close()
	}
	conn, err := t.Dial(q.Life, "tcp", address)
	if err != nil {
		return nil, err
	}
	u := &upstream{transport: t, address: address}
	u.input = newInput(conn, &t.buffers)
	u.bounds = t.clock.add(conn, u.input.writer(), ticks(t.HeaderTimeout, t.IdleTimeout))
	u.out = output{bounds: u.bounds, buffers: &t.buffers}
	return u, nil
}

// CloseIdleConnections closes all connections that are kept.
func (t *Transport) CloseIdleConnections() { t.pool.clear() }
