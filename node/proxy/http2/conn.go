package http2

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/proxy/http1"
)

// readBuffer is what a connection reads into, in bytes.
const readBuffer = 4 << 10

// farewellTime is for the client to take what is sent last.
const farewellTime = time.Second

// conn is one connection, and the goroutine that reads from it.
type conn struct {
	server *Server
	net    net.Conn
	remote string
	peer   http1.Peer
	tls    *tls.ConnectionState // nil: none

	in      *bufio.Reader // of the reading goroutine, like the next five
	framer  *http2.Framer
	decoder *hpack.Decoder
	header  header
	settled bool // the client has said its first words
	held    heldBlock

	headBy  atomic.Int64 // when a header block, or the first words, have to be there; 0: none is under way
	writeBy atomic.Int64 // when the client has to have taken what is being written; 0: nothing is

	mu       sync.Mutex
	quiet    sync.Cond          // on mu: no request is being handled, and nothing written
	streams  map[uint32]*Stream // guarded by mu: those that are not closed
	last     uint32             // guarded by mu: the highest that is served
	opened   uint32             // guarded by mu: the highest that the client opened: beyond last only those that were passed over
	running  int                // guarded by mu: handlers, from the header of their request on
	reset    resetStreams       // guarded by mu
	window   int64              // guarded by mu: what may be sent, of all streams
	initial  int64              // guarded by mu: what may be sent of a new one
	inflow   inflow             // guarded by mu
	shared   int64              // guarded by mu: bytes that are left to make windows of streams larger
	uploads  int                // guarded by mu: streams of which more may come that is kept
	resets   budget             // guarded by mu
	controls budget             // guarded by mu
	out      output             // guarded by mu
	leaving  leaving            // guarded by mu
	idleBy   int64              // guarded by mu: when it has had no stream for long enough; 0: it has, or is new
	err      error              // guarded by mu: why it is over; nil: it is not

	sayTable     bool // guarded by mu: the next header block says that HPACK's dynamic table is not used
	acknowledged bool // guarded by mu: the client has heard what this server offers
}

func newConn(s *Server, nc net.Conn, state *tls.ConnectionState) *conn {
	c := &conn{server: s, net: nc, remote: nc.RemoteAddr().String(), tls: state}
	c.peer = http1.PeerOf(c.remote)
	c.in = bufio.NewReaderSize(nc, readBuffer)
	c.framer = http2.NewFramer(nil, c.in)
	c.framer.SetMaxReadFrameSize(frameBytes)
	c.framer.SetReuseFrames()
	c.decoder = hpack.NewDecoder(4096, c.header.take)
	c.decoder.SetMaxStringLength(2 * s.HeaderBytes) // what is longer cannot be passed over
	c.header.most, c.header.mostOf = s.HeaderBytes, s.Fields
	c.quiet.L = &c.mu
	c.out.rooms = &s.rooms
	c.streams = map[uint32]*Stream{}
	c.window, c.initial = initialWindow, initialWindow
	c.inflow = inflow{left: initialWindow, most: initialWindow}
	c.shared = sharedBytes
	c.resets, c.controls = newBudget(resets, resetRate), newBudget(controls, controlRate)
	c.greet()
	return c
}

// serve reads until the connection is over, and waits for who still handles a request of it.
func (c *conn) serve() {
	c.begin()
	var err error
	for err == nil {
		err = c.next()
	}
	c.end(err)
	c.mu.Lock()
	for c.running > 0 || c.out.writing {
		c.quiet.Wait()
	}
	c.out.release()
	c.mu.Unlock()
	_ = c.net.Close()
}

// begin sends the greeting, and waits for the client's.
func (c *conn) begin() {
	c.headBy.Store(c.server.clock.by(c.server.HeaderTimeout))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idleBy = c.server.clock.by(c.server.IdleTimeout)
	c.kick()
}

// greet says what this server offers (RFC 9113, section 3.4): before anybody else can have the connection say something.
func (c *conn) greet() {
	offers := []http2.Setting{
		{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.server.Streams)},
		{ID: http2.SettingInitialWindowSize, Val: uint32(c.server.firstWindow)},
		{ID: http2.SettingMaxHeaderListSize, Val: uint32(c.server.HeaderBytes)},
		{ID: http2.SettingEnableConnectProtocol, Val: 1},
	}
	b := appendFrame(c.out.room(), http2.FrameSettings, 0, 0, 6*len(offers))
	for _, s := range offers {
		b = append(b, byte(s.ID>>8), byte(s.ID), byte(s.Val>>24), byte(s.Val>>16), byte(s.Val>>8), byte(s.Val))
	}
	c.out.buf = b
}

// next reads one frame and does what it asks for. The error is that of the connection, which is over.
func (c *conn) next() error {
	if !c.settled {
		if err := c.readPreface(); err != nil {
			return err
		}
	}
	head, err := c.framer.ReadFrameHeader()
	if err != nil {
		return err
	}
	if err = c.takeNext(head); err == nil {
		return nil
	}
	var one http2.StreamError
	if errors.As(err, &one) {
		return c.resetStream(one)
	}
	return err
}

// takeNext reads the rest of a frame and does what it asks for.
func (c *conn) takeNext(head http2.FrameHeader) error {
	if head.Type == http2.FrameHeaders {
		return c.readHeaders(head)
	}
	f, err := c.framer.ReadFrameForHeader(head)
	if err != nil {
		return err
	}
	return c.take(f)
}

// readPreface reads what every connection begins with (RFC 9113, section 3.4).
func (c *conn) readPreface() error {
	var greeting [len(http2.ClientPreface)]byte
	if _, err := io.ReadFull(c.in, greeting[:]); err != nil {
		return err
	}
	if string(greeting[:]) != http2.ClientPreface {
		return wrong(http2.ErrCodeProtocol, "no preface")
	}
	head, err := c.framer.ReadFrameHeader()
	if err != nil {
		return err
	}
	f, err := c.framer.ReadFrameForHeader(head)
	if err != nil {
		return err
	}
	if head.Type != http2.FrameSettings || head.Flags.Has(http2.FlagSettingsAck) {
		return wrong(http2.ErrCodeProtocol, "no settings come first")
	}
	c.settled = true
	c.headBy.Store(0)
	return c.take(f)
}

// tick ends what has taken too long.
func (c *conn) tick(now int64) {
	if passed(&c.writeBy, now) {
		c.wakeWriter()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if passed(&c.headBy, now) && c.err == nil { // else the client is about to be told, which is not to be broken off
		_ = c.net.SetReadDeadline(time.Unix(1, 0)) // wakes who reads
		c.wakeWriter()                             // which may be TLS itself, in the midst of reading: a KeyUpdate is to be answered
	}
	if c.idleBy > 0 && now >= c.idleBy && c.running == 0 && len(c.streams) == 0 {
		c.idleBy = 0
		c.lastCall()
	}
	if c.leaving.by > 0 && now >= c.leaving.by {
		c.lastCall()
	}
}

func (c *conn) wakeWriter() { _ = c.net.SetWriteDeadline(time.Unix(1, 0)) }

// failure is what is wrong with a whole connection (RFC 9113, section 5.4.1).
type failure struct {
	code http2.ErrCode
	why  string
	calm bool // the client made work for nothing
}

func (f *failure) Error() string { return "http2: " + f.why }

func wrong(code http2.ErrCode, why string) error { return &failure{code: code, why: why} }

// calm is for a client that makes work for nothing.
func calm(why string) error { return &failure{http2.ErrCodeEnhanceYourCalm, why, true} }

// failureOf is what to tell the client of how reading ended; nil: nothing, it has left.
func failureOf(err error) *failure {
	var known *failure
	var code http2.ConnectionError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &code):
		return &failure{code: http2.ErrCode(code), why: "a malformed frame"}
	case errors.Is(err, http2.ErrFrameTooLarge):
		return &failure{code: http2.ErrCodeFrameSize, why: "a frame is too long"}
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return &failure{code: http2.ErrCodeNo, why: "a header takes too long"}
	}
	return nil
}

// end ends all that is under way, and tells the client why.
func (c *conn) end(err error) {
	c.abandon(err)
	f := failureOf(err)
	if f == nil {
		_ = c.net.Close() // nobody is there to be told
		return
	}
	if f.calm && c.server.Calmed != nil {
		c.server.Calmed(c.remote, f.why)
	}
	_ = c.net.SetDeadline(time.Now().Add(farewellTime)) // a client that does not read holds nothing up
	c.mu.Lock()
	c.out.buf = appendGoAway(c.out.room(), c.last, f.code, f.why)
	for c.out.writing {
		c.quiet.Wait()
	}
	c.out.writing = true
	c.mu.Unlock()
	c.write()
	c.linger()
}

// abandon resets all streams: whoever reads or writes is told.
func (c *conn) abandon(why error) {
	c.mu.Lock()
	c.err = why
	var all []*Stream
	for _, s := range c.streams {
		s.fail(http1.ErrClientGone)
		all = append(all, s)
	}
	clear(c.streams)
	c.mu.Unlock()
	for _, s := range all {
		s.request.Life.End(http1.ErrClientGone)
	}
}

// linger reads on for a while after the last word, so that closing does not take it with it: data that was not read makes TCP
// answer with a reset.
func (c *conn) linger() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c.net)
}
