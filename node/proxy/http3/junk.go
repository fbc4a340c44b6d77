package http3

import (
	"time"

	"github.com/quic-go/quic-go/http3/qlog"
	quiclog "github.com/quic-go/quic-go/qlog"
)

// What a client may send on one connection that carries nothing: pings, what it allows and asks for, challenges, names of connections,
// empty pieces of a stream, datagrams of next to nothing; and in HTTP/3 priorities, empty pieces of a body, what has no meaning. A
// packet has room for a thousand, each of which costs as much as a request's beginning. What is sent to it calls for some.
const (
	junkMost    = 4000
	junkRate    = 1000 // more a second
	junkEarned  = 2    // more for each piece of a stream that it was sent, or request that it sent
	mostNothing = 8    // bytes of a datagram that carries nothing
)

// carriesNothing tells whether a frame of QUIC is of that kind. Acknowledgements are not: they are as many as packets; nor is what ends
// a stream, or opens one, of which there is a count.
func carriesNothing(frame any) bool {
	switch f := frame.(type) {
	case *quiclog.StreamFrame:
		return f.Length == 0 && !f.Fin
	case *quiclog.DatagramFrame:
		return f.Length < mostNothing
	case *quiclog.AckFrame, *quiclog.ConnectionCloseFrame:
		return false
	}
	return true
}

// countJunk is told of the frames of a packet from the client.
func (h *heads) countJunk(frames []quiclog.Frame) {
	n := 0
	for _, f := range frames {
		if carriesNothing(f.Frame) {
			n++
		}
	}
	if n > 0 && !h.junk.take(time.Now(), n) {
		h.tooMuch()
	}
}

// tooMuch tells of it, once.
func (h *heads) tooMuch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flood != nil {
		h.flood()
		h.flood = nil
	}
}

// earnJunk is told of what the client is sent.
func (h *heads) earnJunk(frames []quiclog.Frame) {
	n := 0
	for _, f := range frames {
		switch f.Frame.(type) {
		case *quiclog.StreamFrame, *quiclog.MaxStreamDataFrame, *quiclog.MaxDataFrame, *quiclog.MaxStreamsFrame:
			n += junkEarned
		}
	}
	if n > 0 {
		h.junk.take(time.Now(), -n)
	}
}

// countFrame counts a frame of HTTP/3.
func (f *fields) countFrame(frame qlog.FrameParsed) {
	n := 1
	switch frame.Frame.Frame.(type) {
	case qlog.HeadersFrame:
		n = -junkEarned
	case qlog.DataFrame:
		if frame.Raw.PayloadLength > 0 {
			return
		}
	}
	if !f.junk.take(time.Now(), n) {
		f.tooMuch("too many frames that carry nothing")
	}
}
