package http2

import (
	"errors"
	"io"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// pieceBytes is what pieces of bodies are kept in. Small ones lie together.
const pieceBytes = 4 << 10

// pieces are bytes that came and were not read yet.
type pieces struct {
	rooms *rooms
	all   []*[pieceBytes]byte
	first int // read of the first
	last  int // bytes of the last
	held  int // bytes in all
}

// piece lends one.
func (r *rooms) piece() *[pieceBytes]byte {
	if b, ok := r.pieces.Get().(*[pieceBytes]byte); ok {
		return b
	}
	return new([pieceBytes]byte)
}

// add copies bytes.
func (b *pieces) add(p []byte) {
	b.held += len(p)
	for len(p) > 0 {
		if len(b.all) == 0 || b.last == pieceBytes {
			b.all, b.last = append(b.all, b.rooms.piece()), 0
		}
		n := copy(b.all[len(b.all)-1][b.last:], p)
		b.last += n
		p = p[n:]
	}
}

// read gives what there is.
func (b *pieces) read(p []byte) (n int) {
	for n < len(p) && b.held > 0 {
		piece := b.all[0]
		end := pieceBytes
		if len(b.all) == 1 {
			end = b.last
		}
		some := copy(p[n:], piece[b.first:end])
		n += some
		b.first += some
		b.held -= some
		if b.first == end {
			b.rooms.pieces.Put(piece)
			b.all[0] = nil
			b.all, b.first = b.all[1:], 0
		}
	}
	if b.held == 0 {
		b.drop()
	}
	return n
}

// drop gives all room back.
func (b *pieces) drop() {
	for _, piece := range b.all {
		b.rooms.pieces.Put(piece)
	}
	*b = pieces{rooms: b.rooms, all: b.all[:0]}
}

// errLength is why a stream is reset whose body is not as long as was said (RFC 9113, section 8.1.1).
var errLength = errors.New("the body is not as long as was said")

// add takes a piece of the body. c.mu is held.
func (s *Stream) add(data []byte, end bool) error {
	s.received += int64(len(data))
	if s.declared >= 0 && (s.received > s.declared || end && s.received < s.declared) {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol, Cause: errLength}
	}
	s.ended = end
	if s.shut {
		s.giveBack(len(data))
	} else {
		s.body.add(data)
	}
	if end {
		s.sent()
		s.closeIfOver()
	}
	s.changed.Broadcast()
	return nil
}

// discard drops what was not read. c.mu is held.
func (s *Stream) discard() {
	s.shut = true
	s.body.drop()
	s.sent()
}

// readable is how much of the body can be read now. The last byte of a length that was declared is held back until the client has
// said that it was the last: who passes the body on would else have passed on a whole request before it is known to be none. c.mu is
// held.
func (s *Stream) readable() int {
	if s.declared > 0 && s.received == s.declared && !s.ended {
		return s.body.held - 1
	}
	return s.body.held
}

// Read reads the body: what the client sends.
func (s *Stream) Read(p []byte) (int, error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	s.sayGoOn()
	for s.readable() <= 0 {
		switch {
		case s.err != nil:
			return 0, s.err
		case s.shut:
			return 0, errOver
		case s.ended:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		if err := s.await(&s.reading, false); err != nil {
			return 0, err
		}
	}
	if s.reading.passed {
		return 0, s.await(&s.reading, false)
	}
	n := s.body.read(p[:min(len(p), s.readable())])
	s.giveBack(n)
	if s.ended {
		s.sent()
	}
	if s.body.held == 0 && s.ended {
		return n, io.EOF
	}
	return n, nil
}

// Trailers are the fields behind the body.
func (s *Stream) Trailers() http1.Fields {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.trailers
}

// Close lets no more be read of the body.
func (s *Stream) Close() error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if !s.shut {
		s.discard()
		s.changed.Broadcast()
	}
	return nil
}

// sayGoOn says 100 Continue, once, and not into a response. c.mu is held.
func (s *Stream) sayGoOn() {
	if !s.goOn || s.status != 0 || s.err != nil {
		return
	}
	s.goOn = false
	s.conn.sendBlock(s.id, appendStatus(nil, 100), false)
	s.conn.kick()
}

var _ interface {
	http1.Body
	http1.Client
} = (*Stream)(nil)

// lastPiece marks the last frame with a piece of the body as the end of the stream, when it still waits to be written.
func (s *Stream) lastPiece() bool {
	o := &s.conn.out
	if !s.tail.known || s.tail.turn != o.turn {
		return false
	}
	o.buf[s.tail.at+4] |= byte(http2.FlagDataEndStream)
	return true
}
