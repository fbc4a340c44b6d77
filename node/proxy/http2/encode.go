package http2

import (
	"strconv"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// Forms of a field (RFC 7541, section 6.2), of which each has four bits for the index of its name.
const (
	notIndexed   = 0x00
	neverIndexed = 0x10 // nor by anybody who passes it on
)

// statusIndex are the statuses of HPACK's static table (RFC 7541, appendix A), of which the first is 8.
var statusIndex = [...]int{200, 204, 206, 304, 400, 404, 500}

const firstStatus = 8

// appendStatus begins the header of a response.
func appendStatus(b []byte, status int) []byte {
	for i, known := range statusIndex {
		if known == status {
			return append(b, 0x80|byte(firstStatus+i))
		}
	}
	b = append(b, notIndexed|firstStatus, 3)
	return strconv.AppendInt(b, int64(status), 10)
}

// appendField writes one field, in lower case. A name that is none is left out, and a value cannot hold what no reader takes
// (RFC 9113, section 8.2.1).
func appendField(b []byte, f *http1.Field) []byte {
	var room [64]byte
	lower, ok := appendLower(room[:0], f.Name)
	if !ok {
		return b
	}
	form := byte(notIndexed)
	index := nameIndex(lower)
	if index == setCookie {
		form = neverIndexed
	}
	switch {
	case index == 0:
		b = append(appendLength(append(b, form), len(lower)), lower...)
	case index < 15:
		b = append(b, form|byte(index))
	default:
		b = append(b, form|15, byte(index-15))
	}
	value := trimBlanks(f.Value)
	b = append(appendLength(b, len(value)), value...)
	if !f.Sound() {
		clean(b[len(b)-len(value):])
	}
	return b
}

// clean puts blanks where control bytes stand.
func clean(value []byte) {
	for i, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			value[i] = ' '
		}
	}
}

// appendLength begins a text that is as it is: without Huffman's code, which costs more than the bytes that it saves.
func appendLength(b []byte, n int) []byte {
	if n < 127 {
		return append(b, byte(n))
	}
	b = append(b, 127)
	for n -= 127; n >= 128; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// appendLower gives a name in lower case; ok is false when it is no name.
func appendLower(b []byte, name string) (lower []byte, ok bool) {
	for i := range len(name) {
		c := name[i]
		if c >= 0x80 || nameBytes[c] == 0 {
			return b, false
		}
		b = append(b, nameBytes[c])
	}
	return b, len(name) > 0
}

// nameBytes are the bytes of names (RFC 9110, section 5.6.2), in lower case; 0: it is none. It is read only.
var nameBytes = func() (t [128]byte) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
		t[c] = c
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = c + 'a' - 'A'
	}
	return t
}()

// Where some names stand in HPACK's static table.
const (
	contentLength = 28
	setCookie     = 55
)

// nameIndex is where a name stands in HPACK's static table, of those that are met in responses; 0: nowhere.
func nameIndex(name []byte) int {
	switch string(name) {
	case "accept-ranges":
		return 18
	case "access-control-allow-origin":
		return 20
	case "age":
		return 21
	case "allow":
		return 22
	case "cache-control":
		return 24
	case "content-disposition":
		return 25
	case "content-encoding":
		return 26
	case "content-language":
		return 27
	case "content-length":
		return contentLength
	case "content-range":
		return 30
	case "content-type":
		return 31
	case "date":
		return 33
	case "etag":
		return 34
	case "expires":
		return 36
	case "last-modified":
		return 44
	case "link":
		return 45
	case "location":
		return 46
	case "retry-after":
		return 53
	case "server":
		return 54
	case "set-cookie":
		return setCookie
	case "strict-transport-security":
		return 56
	case "vary":
		return 59
	case "via":
		return 60
	case "www-authenticate":
		return 61
	}
	return 0
}

// trimBlanks cuts spaces and tabs from both ends.
func trimBlanks(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// frameHead is the length of what every frame begins with, in bytes.
const frameHead = 9

// appendFrame begins a frame (RFC 9113, section 4.1).
func appendFrame(b []byte, kind http2.FrameType, flags http2.Flags, stream uint32, length int) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags),
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// noTable says at the beginning of a header block that HPACK's dynamic table has no room (RFC 7541, section 6.3).
const noTable = 0x20

// sendBlock sends a header block. The first one after the client has said how large HPACK's dynamic table may be says that none is
// used: else a client that made it smaller must take the block for broken (RFC 9113, section 4.3.1). c.mu is held.
func (c *conn) sendBlock(stream uint32, block []byte, end bool) {
	if c.sayTable {
		c.sayTable = false
		block = append([]byte{noTable}, block...)
	}
	c.out.buf = appendBlock(c.out.roomFor(len(block)+frameHead), stream, block, end)
}

// appendBlock writes a header block, in as many frames as it takes.
func appendBlock(b []byte, stream uint32, block []byte, end bool) []byte {
	kind, flags := http2.FrameHeaders, http2.Flags(0)
	if end {
		flags = http2.FlagHeadersEndStream
	}
	for len(block) > frameBytes {
		b = append(appendFrame(b, kind, flags, stream, frameBytes), block[:frameBytes]...)
		block = block[frameBytes:]
		kind, flags = http2.FrameContinuation, 0
	}
	return append(appendFrame(b, kind, flags|http2.FlagHeadersEndHeaders, stream, len(block)), block...)
}
