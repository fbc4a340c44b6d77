package http1

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// longestChunkLine is how long the line of a chunk may be: its length in hexadecimal, and extensions, which nobody reads.
	longestChunkLine = 128
	// longestTrailerLine is the same of a line of a trailer, in bytes.
	longestTrailerLine = 4 << 10
	// mostTrailers is how many fields a trailer may have.
	mostTrailers = 64
)

// errBodyClosed is what reading gives after the handler has returned.
var errBodyClosed = errors.New("http1: the body is closed")

// body is the body of one request. The handler may read it in another goroutine than its own, which may go on after the
// handler has returned; so it is locked, and shut in the end.
type body struct {
	in       *input
	goOn     *goOn // nil: nobody waits for 100 Continue
	mu       sync.Mutex
	trailers Fields // guarded by mu
	left     int64  // guarded by mu: bytes to come, of the body or of the present chunk
	chunked  bool
	padded   bool        // blanks may stand behind a chunk's length, as some old servers put them
	begun    bool        // guarded by mu: a chunk was read, whose end is still to come
	err      error       // guarded by mu: how it ended; io.EOF: well
	closed   atomic.Bool // nobody is to read on
	whole    atomic.Bool // err is io.EOF
	life     *Life       // ends when the connection ends in the middle; nil: nobody is told
}

// Read reads the next bytes. What is malformed is *Malformed, what ends early io.ErrUnexpectedEOF.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, errBodyClosed
	}
	return b.read(p)
}

func (b *body) read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.err = b.goOn.say(); b.err != nil {
		return 0, b.err
	}
	if b.chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, b.end(err)
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case err != nil && n == 0:
		return 0, b.end(unexpected(err))
	case b.left == 0 && !b.chunked:
		return n, b.end(io.EOF)
	case b.chunked:
		return b.readOn(p, n)
	}
	return n, nil
}

// Held is how many bytes can be read without waiting.
func (b *body) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() || b.err != nil || b.chunked || !b.goOn.said() {
		return 0
	}
	return int(min(b.left, int64(len(b.in.held()))))
}

// end notes how the body ended.
func (b *body) end(err error) error {
	b.err = err
	var m *Malformed
	switch {
	case err == io.EOF:
		b.whole.Store(true)
	case b.life != nil && !errors.As(err, &m):
		b.life.End(ErrClientGone)
	}
	return err
}

// nextChunk reads up to the bytes of the next chunk (RFC 9112, section 7.1). io.EOF after the last and the trailer.
func (b *body) nextChunk() error {
	if b.begun {
		if line, err := b.in.line(2, errChunk); err != nil {
			return chunkError(err)
		} else if len(line) > 0 {
			return errChunk
		}
	}
	line, err := b.in.line(longestChunkLine, errChunk)
	if err != nil {
		return chunkError(err)
	}
	if b.padded {
		line = bytes.TrimRight(line, " \t")
	}
	n, ok := parseChunkLength(line)
	if !ok {
		return errChunk
	}
	b.begun, b.left = true, n
	if n > 0 {
		return nil
	}
	if err := b.readTrailer(); err != nil {
		return err
	}
	return io.EOF
}

func chunkError(err error) error {
	if errors.Is(err, errBareLF) {
		return errChunk
	}
	return err
}

// parseChunkLength reads hexadecimal digits, then nothing, or extensions behind a semicolon.
func parseChunkLength(line []byte) (n int64, ok bool) {
	digits := 0
	for ; digits < len(line); digits++ {
		d, hex := hexDigit(line[digits])
		if !hex {
			break
		}
		if digits == 15 { // 2^60 bytes are enough
			return 0, false
		}
		n = n<<4 | d
	}
	rest := line[digits:]
	return n, digits > 0 && (len(rest) == 0 || rest[0] == ';' && all(string(rest), inValue))
}

func hexDigit(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}

func (b *body) readTrailer() error {
	for count := 0; ; count++ {
		line, err := b.in.line(longestTrailerLine, errTrailerBig)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		name, value, err := parseField(string(line))
		switch {
		case err != nil:
			return errTrailer
		case count == mostTrailers:
			return errTrailerBig
		}
		switch known := Know(name); known {
		case TransferEncoding, ContentLength, Trailer, Host: // too late for these
		default:
			b.trailers = append(b.trailers, Field{Name: name, Value: value, known: known})
		}
	}
}

// Trailers are the fields behind the last chunk.
func (b *body) Trailers() Fields {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trailers
}

// Close lets no more be read by the handler. It waits for nobody: a Read that is under way ends with the request.
func (b *body) Close() error {
	b.closed.Store(true)
	return nil
}

// Within bounds how long the rest of it may take to come. It is for the last request of a connection.
func (b *body) Within(most time.Duration) {
	_ = b.in.conn.SetReadDeadline(time.Now().Add(most)) // of a connection that is closed, reading tells
}

// lock waits until nobody reads; who waits for the client in another goroutine is woken. From then on nobody does.
func (b *body) lock() {
	b.closed.Store(true)
	if !b.mu.TryLock() {
		_ = b.in.conn.SetReadDeadline(long())
		b.mu.Lock()
		_ = b.in.conn.SetReadDeadline(time.Time{})
	}
}

// shut takes the connection's input away from whoever still reads. The input goes on to others.
func (b *body) shut() {
	if b != nil {
		b.lock()
		b.mu.Unlock()
	}
}

// done tells whether the body was read to its good end.
func (b *body) done() bool { return b.whole.Load() }

// drain reads what the handler left, as long as that is little; true when the next request begins behind it.
func (b *body) drain(most int64) bool {
	b.lock()
	defer b.mu.Unlock()
	if b.err == nil && !b.goOn.said() {
		return false // whether the client sends the body nobody knows
	}
	if b.err == nil && !b.chunked && b.left > most {
		return false
	}
	room := make([]byte, bufferSize)
	for b.err == nil && most > 0 {
		n, _ := b.read(room)
		most -= int64(n)
	}
	return errors.Is(b.err, io.EOF)
}
