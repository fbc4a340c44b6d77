package http1

import (
	"crypto/tls"
	"net"
	"strconv"
	"time"
)

// output gathers what is written to a connection, so that a head and a short body go in one system call; what is longer goes
// beside it, uncopied, in the same call. Between two messages it holds no buffer.
type output struct {
	bounds  *limits // of the connection
	buffers *buffers
	most    time.Duration // for the peer to take what is written at once; 0: without end
	buf     []byte        // what is to be written; nil: nothing
	broken  bool          // the peer takes no more
}

// head gives the buffer to append a head to. It may grow beyond bufferSize.
func (o *output) head() []byte {
	if o.buf == nil {
		o.buf = o.buffers.get()[:0]
	}
	return o.buf
}

// write takes a piece of a body, as it is or as a chunk. What does not fit into the buffer is written, with all before it.
func (o *output) write(p []byte, chunk bool) error {
	const frame = 20 // bytes of a chunk's line and end
	o.head()
	if chunk {
		o.buf = append(strconv.AppendInt(o.buf, int64(len(p)), 16), '\r', '\n')
	}
	if len(p)+frame <= cap(o.buf)-len(o.buf) {
		o.buf = append(o.buf, p...)
		if chunk {
			o.buf = append(o.buf, '\r', '\n')
		}
		return nil
	}
	pieces := net.Buffers{o.buf, p}
	if chunk {
		pieces = net.Buffers{o.buf, p, []byte("\r\n")}
	}
	err := o.writeAll(pieces)
	o.buf, o.broken = o.buf[:0], err != nil
	return err
}

// writeAll writes pieces in as few system calls as can be.
func (o *output) writeAll(pieces net.Buffers) error {
	o.bounds.writing(o.most)
	defer o.bounds.writing(0)
	if secure, ok := o.bounds.conn.(*tls.Conn); ok {
		return o.buffers.records.write(secure, pieces)
	}
	_, err := pieces.WriteTo(o.bounds.conn)
	return err
}

// flush writes what is there.
func (o *output) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	_, err := o.bounds.Write(o.buf, o.most)
	o.buf, o.broken = o.buf[:0], err != nil
	return err
}

// spare gives up what is in the buffer, and the buffer to the input of the connection: who has written waits for more.
func (o *output) spare(to *input) {
	if o.buf != nil {
		to.take(o.buf)
		o.buf = nil
	}
}

// release gives the buffer back, and what is in it up.
func (o *output) release() {
	if o.buf != nil {
		o.buffers.put(o.buf)
		o.buf = nil
	}
}
