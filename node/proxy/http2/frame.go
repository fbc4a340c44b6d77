package http2

import "encoding/binary"

// Types of frames (RFC 9113, section 6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameContinuation = 0x9
)

// Flags of frames.
const (
	flagAck        = 0x1 // of SETTINGS and PING
	flagEndStream  = 0x1 // of DATA and HEADERS
	flagEndHeaders = 0x4
)

// Errors (RFC 9113, section 7).
const (
	codeProtocol               = 0x1
	codeFlowControl            = 0x3
	codeStreamClosed           = 0x5
	codeFrameSize              = 0x6
	codeEnhanceYourCalm        = 0xb
	frameHeadBytes             = 9
	goAwayBytes                = 8
	largestStream       uint32 = 1<<31 - 1
)

// head is the header of a frame.
type head struct {
	length      int
	kind, flags byte
}

// follower follows a sequence of frames as their bytes come. The zero follower stands before the first.
type follower struct {
	raw  [frameHeadBytes]byte
	have int // of raw
	left int // of the payload of the present frame
	now  head
}

// between tells whether one frame has ended and no other has begun.
func (f *follower) between() bool { return f.have == 0 && f.left == 0 }

// follow takes bytes of p, at least one: up to the end of a frame's header, which whole tells, or of its payload.
func (f *follower) follow(p []byte) (n int, whole bool) {
	if f.left > 0 {
		n = min(f.left, len(p))
		f.left -= n
		return n, false
	}
	n = copy(f.raw[f.have:], p)
	f.have += n
	if f.have < frameHeadBytes {
		return n, false
	}
	f.have = 0
	f.now = head{
		length: int(f.raw[0])<<16 | int(f.raw[1])<<8 | int(f.raw[2]), kind: f.raw[3], flags: f.raw[4],
	}
	f.left = f.now.length
	return n, true
}

// goAway is the frame that tells a client why it is cut off (RFC 9113, section 6.8).
func goAway(code uint32, why string) []byte {
	b := []byte{0, 0, byte(goAwayBytes + len(why)), frameGoAway, 0, 0, 0, 0, 0}
	b = binary.BigEndian.AppendUint32(b, largestStream)
	b = binary.BigEndian.AppendUint32(b, code)
	return append(b, why...)
}
