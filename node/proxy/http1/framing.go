package http1

import (
	"bytes"
	"strconv"
)

// framing is what the fields of a head say of where its body ends, and of the connection.
type framing struct {
	host, length, coding []byte // nil: there is none
	hosts                int
	expect               bool
	close, keep          bool // Connection says so
	upgrade, nominated   bool // there is an Upgrade field; Connection names it
}

// note takes in a field. Whatever comes twice that may come once is an error, even if both say the same.
func (f *framing) note(name, value []byte) error {
	switch len(name) { // most fields are none of these
	case 4:
		if equalFold(name, "host") {
			f.host = value
			f.hosts++
		}
	case 6:
		if equalFold(name, "expect") {
			return f.noteExpect(value)
		}
	case 7:
		if equalFold(name, "upgrade") {
			f.upgrade = true
		}
	case 10:
		if equalFold(name, "connection") {
			f.noteConnection(value)
		}
	case 14:
		if equalFold(name, "content-length") {
			if f.length != nil {
				return bad("there are two lengths")
			}
			f.length = value
		}
	case 17:
		if equalFold(name, "transfer-encoding") {
			if f.coding != nil {
				return errCoding
			}
			f.coding = value
		}
	}
	return nil
}

func (f *framing) noteExpect(value []byte) error {
	if f.expect || !equalFold(value, "100-continue") {
		return errExpect
	}
	f.expect = true
	return nil
}

func (f *framing) noteConnection(value []byte) {
	for option := range bytes.SplitSeq(value, []byte{','}) {
		switch option = trimBlanks(option); {
		case equalFold(option, "close"):
			f.close = true
		case equalFold(option, "keep-alive"):
			f.keep = true
		case equalFold(option, "upgrade"):
			f.nominated = true
		}
	}
}

// frame decides where the body ends (RFC 9112, section 6.3), once.
func (h *Head) frame(f framing) error {
	switch {
	case f.hosts > 1:
		return bad("the request names two hosts")
	case f.hosts == 0 && h.Minor == 1:
		return bad("the request names no host")
	case f.coding != nil && f.length != nil:
		return bad("there are a length and a transfer coding")
	case f.coding != nil && h.Minor == 0:
		return bad("HTTP/1.0 has no transfer codings")
	case f.coding != nil && !equalFold(f.coding, "chunked"):
		return errCoding
	}
	switch {
	case f.coding != nil:
		h.Length = -1
	case f.length != nil:
		n, ok := parseLength(f.length)
		if !ok {
			return bad("the length is no number")
		}
		h.Length = n
	}
	h.Host = f.host
	h.Close = f.close || h.Minor == 0 // a 1.0 client that asks to keep the connection is served as well without
	h.Expect = f.expect && h.Minor == 1 && h.Length != 0
	h.Upgrade = f.upgrade && f.nominated
	return nil
}

// parseLength reads digits, and nothing else (RFC 9110, section 8.6).
func parseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}
