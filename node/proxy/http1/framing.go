package http1

import "strings"

// framing is what the fields of a head say of where its body ends, and of the connection.
type framing struct {
	host, length, coding          string
	hasHost, hasLength, hasCoding bool
	trailer                       bool // something is announced
	expect                        bool
	close                         bool // Connection says so
	upgrade, nominated            bool // there is an Upgrade field; Connection names it
}

// note takes in a field, and tells whether it stays in the header. Whatever comes twice that may come once is an error, even
// if both say the same.
func (f *framing) note(name Known, value string) (keep bool, err error) {
	switch name {
	case Host:
		if f.hasHost {
			return false, errTwoHosts
		}
		f.host, f.hasHost = value, true
		return false, nil
	case TransferEncoding:
		if f.hasCoding {
			return false, errCoding
		}
		f.coding, f.hasCoding = value, true
		return false, nil
	case ContentLength:
		if f.hasLength {
			return false, errTwoLengths
		}
		f.length, f.hasLength = value, true
	case Expect:
		if f.expect || !EqualFold(value, "100-continue") {
			return false, errExpect
		}
		f.expect = true
	case Upgrade:
		f.upgrade = true
	case Connection:
		f.noteConnection(value)
	case Trailer:
		f.trailer = true
	}
	return true, nil
}

func (f *framing) noteConnection(value string) {
	for option := range strings.SplitSeq(value, ",") {
		switch option = trimBlanks(option); {
		case EqualFold(option, "close"):
			f.close = true
		case EqualFold(option, "upgrade"):
			f.nominated = true
		}
	}
}

// frame decides where the body ends (RFC 9112, section 6.3), once.
func (h *Head) frame(f *framing) error {
	switch {
	case !f.hasHost && h.Minor == 1:
		return bad("the request names no host")
	case f.hasCoding && f.hasLength:
		return bad("there are a length and a transfer coding")
	case f.hasCoding && h.Minor == 0:
		return bad("HTTP/1.0 has no transfer codings")
	case f.hasCoding && !EqualFold(f.coding, "chunked"):
		return errCoding
	}
	switch {
	case f.hasCoding:
		h.Length = -1
	case f.hasLength:
		n, ok := parseLength(f.length)
		if !ok {
			return bad("the length is no number")
		}
		h.Length = n
	}
	if f.trailer && f.hasCoding {
		if _, ok := h.Fields.Announced(); !ok {
			return errTrailer
		}
	}
	h.Host = f.host
	h.Close = f.close || h.Minor == 0 // a 1.0 client that asks to keep the connection is served as well without
	h.Expect = f.expect && h.Minor == 1 && h.Length != 0
	h.Upgrade = f.upgrade && f.nominated
	return h.readTarget()
}

// parseLength reads digits, and nothing else (RFC 9110, section 8.6).
func parseLength(s string) (int64, bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(s[i]-'0')
	}
	return n, true
}
