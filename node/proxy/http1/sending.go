package http1

import (
	"io"
	"net/http"
)

// Holding is a Body that knows how much of it has come already.
type Holding interface {
	// Held is how many bytes can be read without waiting; 0: that is not known.
	Held() int
}

// takeHeld puts behind the head what has come already of a body of a known length, and tells how many bytes are left. A short body
// goes in one piece with its head, and takes no goroutine.
func (u *upstream) takeHeld(q *Question) (left int64, err error) {
	h, ok := q.Body.(Holding)
	switch {
	case q.Length <= 0:
		return -1, nil
	case !ok || q.Expect:
		return q.Length, nil
	}
	at := len(u.out.buf)
	room := u.out.buf[at:cap(u.out.buf)]
	room = room[:min(len(room), h.Held())]
	if len(room) == 0 {
		return q.Length, nil
	}
	n, err := q.Body.Read(room)
	if err == io.EOF {
		err = nil
	}
	if left = q.Length - int64(n); left < 0 {
		return 0, http.ErrContentLength
	}
	u.out.buf = u.out.buf[:at+n]
	return left, err
}

// sendBody sends what is left of the body of a question; behind it, of one in chunks, the trailer.
func (u *upstream) sendBody(q *Question, left int64) {
	defer q.close()
	if u.fail = u.copyBody(q, left); u.fail == nil {
		u.fail = u.out.flush()
	}
	u.out.release()
	half := u.fail != nil && !u.out.broken // else whoever took no more may have said why, which is to be read
	if !half {
		u.waitForAnswer()
	}
	close(u.sent) // from here on the connection is others'
	if half {
		_ = u.input.conn.Close() // half a body must not look whole, and nobody answers it
	}
}

// copyBody sends a body, each piece at once: who waits for it may be about to answer. left is how many bytes are to come; below
// zero: that is not known.
func (u *upstream) copyBody(q *Question, left int64) error {
	left, err := u.passBody(q, left)
	if err != nil || left == 0 {
		return err
	}
	room := u.transport.rooms.Get(left)
	defer func() { u.transport.rooms.Put(room) }()
	for {
		n, err := q.Body.Read(room)
		if n > 0 {
			u.ending.Store(int64(n) == left)
			if e := u.sendPiece(room[:n], &left, err == io.EOF); e != nil {
				return e
			}
		}
		switch {
		case left == 0:
			return nil
		case err == io.EOF && left > 0:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			u.ending.Store(true)
			u.endChunks(q)
			return nil
		case err != nil:
			return err
		}
		if left, err = u.passBody(q, left); err != nil || left == 0 {
			return err
		}
		room = u.transport.rooms.After(room, n)
	}
}

// sendPiece sends some bytes of a body. left is what is to come by the length; below zero: there is none, and they are a chunk.
// When the end is there it goes with them.
func (u *upstream) sendPiece(b []byte, left *int64, end bool) error {
	chunk := *left < 0
	if !chunk {
		if *left -= int64(len(b)); *left < 0 {
			return http.ErrContentLength
		}
	}
	if err := u.out.write(b, chunk); err != nil || end {
		return err
	}
	return u.out.flush()
}

func (u *upstream) endChunks(q *Question) {
	b := append(u.out.head(), "0\r\n"...)
	if len(q.Trailers) > 0 {
		for _, f := range q.Body.Trailers() {
			for _, name := range q.Trailers {
				if EqualFold(name, f.Name) {
					b = appendField(b, f.Name, f.Value)
					break
				}
			}
		}
	}
	u.out.buf = append(b, '\r', '\n')
}
