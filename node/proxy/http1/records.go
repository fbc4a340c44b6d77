package http1

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
)

// recordSize is how much one record of TLS holds (RFC 8446, section 5.1).
const recordSize = 16 << 10

// records lends room of recordSize.
type records struct{ pool sync.Pool }

func (r *records) get() *[recordSize]byte {
	if b, ok := r.pool.Get().(*[recordSize]byte); ok {
		return b
	}
	return new([recordSize]byte)
}

// write writes pieces one behind the other through TLS, which makes of each write a record of its own, and of each record a system
// call. That costs more than copying does: it gets them in as few as can be.
func (r *records) write(to *tls.Conn, pieces net.Buffers) (err error) {
	room := r.get()
	defer r.pool.Put(room)
	held := room[:0]
	for _, p := range pieces {
		if held, err = fill(to, held, p); err != nil {
			return err
		}
	}
	if len(held) > 0 {
		_, err = to.Write(held)
	}
	return err
}

// fill adds a piece to what is held for a record, and writes each that is full. Of a long piece those within go uncopied.
func fill(to io.Writer, held, p []byte) ([]byte, error) {
	if len(held) > 0 {
		n := min(len(p), cap(held)-len(held))
		held, p = append(held, p[:n]...), p[n:]
		if len(held) < cap(held) {
			return held, nil
		}
		if _, err := to.Write(held); err != nil {
			return nil, err
		}
	}
	if whole := len(p) - len(p)%recordSize; whole > 0 {
		if _, err := to.Write(p[:whole]); err != nil {
			return nil, err
		}
		p = p[whole:]
	}
	return append(held[:0], p...), nil
}
