package http2

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// heldBlock is a header block that comes in several frames.
type heldBlock struct {
	stream uint32
	end    bool // no body follows
	itself bool // the stream is said to depend on itself
	buf    []byte
}

// readHeaders reads a frame that begins a header block (RFC 9113, section 6.2), which mostly is all of it. It is what most frames are,
// so it is read where it lies, and not by the framer, which would make a copy.
func (c *conn) readHeaders(head http2.FrameHeader) error {
	c.headBy.Store(c.server.clock.by(c.server.HeaderTimeout))
	n := int(head.Length)
	if n > c.in.Size() {
		payload := make([]byte, n)
		if _, err := io.ReadFull(c.in, payload); err != nil {
			return err
		}
		return c.takeHeaders(head, payload)
	}
	payload, err := c.in.Peek(n)
	if err != nil {
		return err
	}
	err = c.takeHeaders(head, payload)
	_, _ = c.in.Discard(n) // all of it is there
	return err
}

// takeHeaders takes the payload of such a frame. One that is malformed ends the connection: its header block is part of what HPACK
// knows, and was not read.
func (c *conn) takeHeaders(head http2.FrameHeader, p []byte) error {
	h := heldBlock{stream: head.StreamID, end: head.Flags.Has(http2.FlagHeadersEndStream)}
	padding := 0
	if head.Flags.Has(http2.FlagHeadersPadded) {
		if len(p) == 0 {
			return wrong(http2.ErrCodeFrameSize, "a malformed header frame")
		}
		padding, p = int(p[0]), p[1:]
	}
	if head.Flags.Has(http2.FlagHeadersPriority) {
		if len(p) < 5 {
			return wrong(http2.ErrCodeFrameSize, "a malformed header frame")
		}
		h.itself = binary.BigEndian.Uint32(p)&mostWindow == h.stream
		p = p[5:]
	}
	if padding > len(p) || h.stream == 0 {
		return wrong(http2.ErrCodeProtocol, "a malformed header frame")
	}
	p = p[:len(p)-padding]
	if head.Flags.Has(http2.FlagHeadersEndHeaders) {
		return c.takeBlock(h, p)
	}
	h.buf = append(h.buf, p...)
	c.held = h
	return nil
}

// takeContinuation takes more of it. What is passed over has a length, too.
func (c *conn) takeContinuation(f *http2.ContinuationFrame) error {
	c.mu.Lock()
	err := c.spendControl()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	h := &c.held
	if h.buf = append(h.buf, f.HeaderBlockFragment()...); len(h.buf) > 2*c.server.HeaderBytes {
		return calm("a header block is too long")
	}
	if !f.HeadersEnded() {
		return nil
	}
	whole := *h
	c.held = heldBlock{}
	return c.takeBlock(whole, whole.buf)
}

// takeBlock reads a whole header block: of a request, or of what stands behind a body.
func (c *conn) takeBlock(h heldBlock, block []byte) error {
	c.headBy.Store(0)
	c.header.begin()
	if _, err := c.decoder.Write(block); err != nil {
		return wrong(http2.ErrCodeCompression, "a header block cannot be read")
	}
	if err := c.decoder.Close(); err != nil {
		return wrong(http2.ErrCodeCompression, "a header block breaks off")
	}
	c.mu.Lock()
	c.awaitOutput()
	s := c.streams[h.stream]
	begins, err := c.begins(h, s)
	c.mu.Unlock()
	switch {
	case err != nil:
		return err
	case s != nil:
		return c.takeTrailers(s, h.end)
	case !begins:
		return nil
	case c.header.tooLong:
		c.refuse(h, &http1.Malformed{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the header is too long"})
		return nil
	}
	return c.open(h)
}

// begins tells whether a header block begins a stream (RFC 9113, section 5.1). From then on its handler counts, so that a connection
// that is told to end waits for it. c.mu is held.
func (c *conn) begins(h heldBlock, s *Stream) (bool, error) {
	switch id := h.stream; {
	case id%2 == 0:
		return false, wrong(http2.ErrCodeProtocol, "a client has odd streams")
	case s != nil && s.ended:
		return false, http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed}
	case s != nil:
		return false, nil
	case id <= c.opened && c.passesOver(id): // these are trailers
		if h.end {
			c.reset.remove(id)
		}
		return false, c.spendControl()
	case id <= c.opened:
		return false, wrong(http2.ErrCodeProtocol, "a stream is opened twice")
	}
	c.opened = h.stream
	if c.leaving.told { // the client has to ask elsewhere, and knows
		return false, c.spendControl()
	}
	c.last = h.stream
	switch {
	case h.itself:
		return false, http2.StreamError{StreamID: h.stream, Code: http2.ErrCodeProtocol}
	case len(c.streams) >= c.server.Streams || c.running >= 2*c.server.Streams: // handlers go on for a while when a stream is reset
		return false, http2.StreamError{StreamID: h.stream, Code: http2.ErrCodeRefusedStream}
	}
	c.running++
	return true, nil
}

// open begins a stream, and has its request handled.
func (c *conn) open(h heldBlock) error {
	why := c.header.wrong
	var head http1.Head
	if why == "" {
		head, why = c.header.head(h.end)
	}
	if why != "" {
		c.mu.Lock()
		c.handled()
		c.mu.Unlock()
		c.refused(&http1.Malformed{Status: http.StatusBadRequest, Reason: why})
		return http2.StreamError{StreamID: h.stream, Code: http2.ErrCodeProtocol}
	}
	if c.tls != nil && c.header.scheme == "http" { // without TLS it says nothing: who ends TLS before us may send either
		c.refuse(h, &http1.Malformed{Status: http.StatusMisdirectedRequest, Reason: "it is for http, and came over TLS"})
		return nil
	}
	s := c.server.streams.get()
	c.header.room = s.request.Fields
	s.conn, s.id, s.ended, s.whole, s.declared, s.asked = c, h.stream, h.end, h.end, c.header.length, head.Method
	s.request.Head = head
	s.request.Remote, s.request.Peer, s.request.TLS = c.remote, c.peer, c.tls
	s.changed.L = &c.mu
	s.body.rooms = &c.server.rooms
	s.prepare()
	c.mu.Lock()
	if !h.end {
		s.uploads()
	}
	s.window = c.initial
	c.streams[s.id] = s
	c.idleBy = 0
	c.mu.Unlock()
	c.server.workers.give(s)
	return nil
}

// refuse answers a request that no handler sees.
func (c *conn) refuse(h heldBlock, m *http1.Malformed) {
	c.refused(m)
	block := appendStatus(nil, m.Status)
	block = appendField(block, &http1.Field{Name: "content-length", Value: "0"})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handled()
	c.sendBlock(h.stream, block, true)
	if !h.end {
		c.out.buf = appendNumber(c.out.room(), http2.FrameRSTStream, h.stream, uint32(http2.ErrCodeNo))
		c.reset.add(h.stream)
	}
	c.kick()
}

func (c *conn) refused(m *http1.Malformed) {
	if c.server.Refused != nil {
		c.server.Refused(c.remote, m)
	}
}

// errTrailers is why a stream is reset.
var errTrailers = errors.New("the trailer is malformed")

// takeTrailers takes what stands behind a body (RFC 9113, section 8.1).
func (c *conn) takeTrailers(s *Stream, end bool) error {
	h := &c.header
	if !end || h.pseudo != 0 || !h.fine() || h.hasHost || h.length >= 0 {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol, Cause: errTrailers}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.trailers = h.fields
	return s.add(nil, true)
}
