package http2

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// What a client may do on one connection. A browser that leaves a page with all its streams open, and a program that measures
// the line by pings, stay far below.
const (
	resets        = 500  // streams that are reset, by the client or because of what it sent
	resetRate     = 100  // more of them a second
	controls      = 1000 // frames that carry nothing: settings, pings, priorities, window updates, empty data
	controlRate   = 200  // more of them a second
	controlEarned = 4    // more of them for each frame that it was sent with an answer
)

// farewellTime is for the client to take the last frame.
const farewellTime = time.Second

// What a connection is ended for.
var (
	errCalm    = errors.New("http2: the client makes work for nothing")
	errPreface = errors.New("http2: the client does not begin as it has to")
)

// guard watches the frames of a connection, both ways.
type guard struct {
	net.Conn
	headTime time.Duration // for a header block; 0: without end
	calmed   func(why string)

	preface int // bytes that are still to come; of the reading side, like the next two
	in      follower
	limited bool // a read deadline is set

	spending sync.Mutex // apart from writing, which may wait for the client to read
	resets   budget     // guarded by spending
	controls budget     // guarded by spending
	provoked bool       // guarded by spending: too many resets were

	mu     sync.Mutex
	out    follower // guarded by mu
	code   []byte   // guarded by mu: of a RST_STREAM that is being sent
	due    []byte   // guarded by mu: the GOAWAY for the end of the present frame; nil: none
	closed bool     // guarded by mu: it was sent
	told   chan struct{}
	ending atomic.Bool
}

// secured is a guard of a connection over TLS.
type secured struct {
	*guard
	secure interface{ ConnectionState() tls.ConnectionState }
}

// ConnectionState is what TLS agreed on.
func (s secured) ConnectionState() tls.ConnectionState { return s.secure.ConnectionState() }

func newGuard(conn net.Conn, headTime time.Duration, calmed func(why string)) *guard {
	return &guard{
		Conn: conn, headTime: headTime, calmed: calmed, preface: len(http2.ClientPreface),
		resets: newBudget(resets, resetRate), controls: newBudget(controls, controlRate), told: make(chan struct{}),
	}
}

// Read gives what the client sends, until it has sent too much of what leads to nothing.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.greets(p[:n]) {
		g.tell(codeProtocol, "no preface")
		return 0, errPreface
	}
	if why := g.watch(p[:n]); why != "" {
		g.tell(codeEnhanceYourCalm, why)
		g.calmed(why)
		return 0, errCalm
	}
	return n, err
}

// greets tells whether what the client sent is, as far as it belongs there, what every connection begins with.
func (g *guard) greets(p []byte) bool {
	rest := min(g.preface, len(p))
	at := len(http2.ClientPreface) - g.preface
	return string(p[:rest]) == http2.ClientPreface[at:at+rest]
}

// watch follows what the client sent, and is why it is too much; "": it is not.
func (g *guard) watch(p []byte) string {
	skip := min(g.preface, len(p))
	g.preface -= skip
	for p = p[skip:]; len(p) > 0; {
		n, whole := g.in.follow(p)
		p = p[n:]
		if whole {
			if why := g.spend(g.in.now); why != "" {
				return why
			}
		}
	}
	g.limit()
	return ""
}

// limit bounds the time for a header block: it holds up all that the client sends after it.
func (g *guard) limit() {
	now := g.in.now
	inBlock := (now.kind == frameHeaders || now.kind == frameContinuation) && (g.in.left > 0 || now.flags&flagEndHeaders == 0)
	if inBlock == g.limited || g.headTime <= 0 {
		return
	}
	g.limited = inBlock
	var until time.Time
	if inBlock {
		until = time.Now().Add(g.headTime)
	}
	_ = g.Conn.SetReadDeadline(until) // a connection that cannot is closed, and reading tells
}

// spend takes from the client's budget what a frame of it costs.
func (g *guard) spend(h head) string {
	switch h.kind {
	case frameHeaders:
		return g.provocation()
	case frameData:
		if h.length > 0 || h.flags&flagEndStream != 0 {
			return ""
		}
	case frameSettings, framePing:
		if h.flags&flagAck != 0 {
			return ""
		}
	}
	g.spending.Lock()
	defer g.spending.Unlock()
	switch {
	case h.kind == frameReset && !g.resets.spend(time.Now()), g.provoked:
		return tooManyResets
	case h.kind != frameReset && !g.controls.spend(time.Now()):
		return "too many frames that carry nothing"
	}
	return ""
}

const tooManyResets = "too many resets"

// provocation is why a client is cut off that made the server reset too many streams; "": it did not.
func (g *guard) provocation() string {
	g.spending.Lock()
	defer g.spending.Unlock()
	if g.provoked {
		return tooManyResets
	}
	return ""
}

// Write sends what the server says. When the client is to be told to be calm, only the rest of the present frame goes, and
// then that.
func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return 0, errCalm
	case g.due != nil:
		return g.writeLast(p)
	}
	n, err := g.Conn.Write(p)
	for rest := p[:n]; len(rest) > 0; {
		some, whole := g.out.follow(rest)
		g.note(whole, rest[:some])
		rest = rest[some:]
	}
	return n, err
}

// writeLast sends the rest of the present frame, and the GOAWAY when that is over. g.mu is held.
func (g *guard) writeLast(p []byte) (n int, err error) {
	for n < len(p) && !g.out.between() {
		some, _ := g.out.follow(p[n:])
		n += some
	}
	if n, err = g.Conn.Write(p[:n]); err != nil {
		return n, err
	}
	if !g.out.between() {
		return n, nil
	}
	g.finish()
	return n, errCalm
}

// finish sends the GOAWAY that is due, the last that is sent. g.mu is held.
func (g *guard) finish() {
	g.closed = true
	_, _ = g.Conn.Write(g.due)
	close(g.told)
}

// note counts what the server sends: answers earn, and resets cost that the client has brought about by breaking the rules. g.mu
// is held.
func (g *guard) note(whole bool, p []byte) {
	now := g.out.now
	switch {
	case whole:
		g.code = g.code[:0]
		if now.kind == frameData || now.kind == frameHeaders {
			g.spending.Lock()
			g.controls.earn(controlEarned)
			g.spending.Unlock()
		}
		return
	case now.kind != frameReset || g.out.have > 0:
		return
	}
	if g.code = append(g.code, p...); len(g.code) != 4 {
		return
	}
	switch binary.BigEndian.Uint32(g.code) {
	case codeProtocol, codeFlowControl, codeStreamClosed, codeFrameSize:
		g.spending.Lock()
		g.provoked = g.provoked || !g.resets.spend(time.Now())
		g.spending.Unlock()
	}
}

// tell ends the connection: it sends a GOAWAY as soon as the present frame has ended, and reads on for a while, so that
// closing does not take it with it.
func (g *guard) tell(code uint32, why string) {
	g.ending.Store(true)
	until := time.Now().Add(farewellTime)
	_ = g.Conn.SetDeadline(until) // a client that does not read holds nothing up
	g.mu.Lock()
	g.due = goAway(code, why)
	if g.out.between() {
		g.finish()
	}
	g.mu.Unlock()
	late := time.NewTimer(farewellTime)
	defer late.Stop()
	select {
	case <-g.told:
	case <-late.C:
	}
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, g.Conn)
}

// SetWriteDeadline bounds writing, but for the last frame, which has a time of its own.
func (g *guard) SetWriteDeadline(until time.Time) error {
	if g.ending.Load() {
		return nil
	}
	return g.Conn.SetWriteDeadline(until)
}
