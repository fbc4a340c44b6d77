package http1

import (
	"bytes"
	"io"
)

// readOn adds to n bytes of a chunk in p those of the next ones that have come already, and says so when the end has: it is then passed on
// together with them.
func (b *body) readOn(p []byte, n int) (int, error) {
	for b.left == 0 && b.ready() {
		if err := b.nextChunk(); err != nil {
			if b.end(err) == io.EOF {
				return n, io.EOF
			}
			return n, nil // what is wrong is told when the rest is asked for
		}
		held := b.in.held()
		more := copy(p[n:], held[:min(int64(len(held)), b.left)])
		b.in.r += more
		b.left -= int64(more)
		n += more
	}
	return n, nil
}

// ready tells whether more of a body in chunks, or its end, can be read without waiting.
func (b *body) ready() bool {
	held := b.in.held()
	if b.left > 0 {
		return len(held) > 0
	}
	if b.begun {
		if len(held) < 2 {
			return false
		}
		held = held[2:] // the end of the chunk before
	}
	line := bytes.IndexByte(held, '\n')
	switch {
	case line < 1:
		return false
	case held[0] != '0':
		return len(held) > line+1
	}
	return bytes.Contains(held[line-1:], []byte("\r\n\r\n"))
}
