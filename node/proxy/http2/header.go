package http2

import (
	"strings"

	"golang.org/x/net/http2/hpack"

	"picket/node/proxy/http1"
)

// header is what one header block says. It is used again for the next of its connection; what it gives away is made anew.
type header struct {
	most   int // length, as RFC 9113, section 6.5.2 counts it, in bytes
	mostOf int // fields

	size    int
	count   int
	tooLong bool
	wrong   string // why it is malformed; "": it is not
	pseudo  uint8  // a bit for each pseudo field that was there
	regular bool   // a field that is none was there

	method, scheme, authority, path, protocol, host string
	fields                                          http1.Fields
	crumbs                                          []string // values of Cookie
	length                                          int64    // that was declared; -1: none was
	expect, hasHost                                 bool
	usual                                           int          // how many fields the one before had
	room                                            http1.Fields // for the next; nil: none
}

// begin makes ready for the next block.
func (h *header) begin() {
	room := h.room
	if room == nil {
		room = make(http1.Fields, 0, max(h.usual, 6)+2) // whoever serves it may add a field or two
	}
	*h = header{most: h.most, mostOf: h.mostOf, usual: h.usual, crumbs: h.crumbs[:0], length: -1, fields: room}
}

// fine tells whether there is a reason to look at more of the block: else HPACK is followed, and nothing else.
func (h *header) fine() bool { return h.wrong == "" && !h.tooLong }

// take takes one field (RFC 9113, section 8.2).
func (h *header) take(f hpack.HeaderField) {
	if !h.fine() {
		return
	}
	if h.size += int(f.Size()); h.size > h.most {
		h.tooLong = true
		return
	}
	if strings.HasPrefix(f.Name, ":") {
		h.wrong = h.takePseudo(f)
		return
	}
	if f.Name != "cookie" { // which browsers send in many crumbs
		h.count++
	}
	if h.count > h.mostOf {
		h.tooLong = true
		return
	}
	h.regular = true
	field := http1.NewField(f.Name, f.Value)
	if !field.Sound() {
		h.wrong = "a field is malformed"
		return
	}
	h.wrong = h.takeField(field)
}

// The pseudo fields of a request (RFC 9113, section 8.3.1; RFC 8441, section 4).
const (
	hasMethod = 1 << iota
	hasScheme
	hasAuthority
	hasPath
	hasProtocol
)

func (h *header) takePseudo(f hpack.HeaderField) string {
	var bit uint8
	var to *string
	switch f.Name {
	case ":method":
		bit, to = hasMethod, &h.method
	case ":scheme":
		bit, to = hasScheme, &h.scheme
	case ":authority":
		bit, to = hasAuthority, &h.authority
	case ":path":
		bit, to = hasPath, &h.path
	case ":protocol":
		bit, to = hasProtocol, &h.protocol
	default:
		return "a pseudo field is of no request"
	}
	if h.regular || h.pseudo&bit != 0 {
		return "a pseudo field comes late, or twice"
	}
	h.pseudo |= bit
	*to = f.Value
	return ""
}

// takeField takes a field of a request, or of what stands behind its body.
func (h *header) takeField(f http1.Field) string {
	if !isLower(f.Name) {
		return "the name of a field is not in lower case"
	}
	if v := f.Value; v != "" && (isBlank(v[0]) || isBlank(v[len(v)-1])) {
		return "a field begins or ends with a blank"
	}
	switch f.Known() {
	case http1.Connection, http1.KeepAlive, http1.ProxyConnection, http1.TransferEncoding, http1.Upgrade:
		return "a field says something of a connection"
	case http1.TE:
		if f.Value != "trailers" {
			return "a field says something of a connection"
		}
	case http1.Host:
		if h.hasHost {
			return "the request names two hosts"
		}
		h.host, h.hasHost = f.Value, true
		return ""
	case http1.ContentLength:
		n, ok := http1.ParseLength(f.Value)
		if !ok || h.length >= 0 {
			return "the length is no number, or said twice"
		}
		h.length = n
	case http1.Expect:
		h.expect = true
	case http1.Cookie: // crumbs of one (RFC 9113, section 8.2.3)
		h.crumbs = append(h.crumbs, f.Value)
		if len(h.crumbs) > 1 {
			return ""
		}
	}
	h.fields = append(h.fields, f)
	return ""
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isLower(name string) bool {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// joinCrumbs makes one field of what was sent as several.
func (h *header) joinCrumbs() {
	if len(h.crumbs) < 2 {
		return
	}
	for i := range h.fields {
		if h.fields[i].Known() == http1.Cookie {
			h.fields[i] = http1.NewField("cookie", strings.Join(h.crumbs, "; "))
		}
	}
}

// head is the request that the block is; wrong says why it is none. end tells whether no body follows.
func (h *header) head(end bool) (head http1.Head, wrong string) {
	if wrong = h.checkPseudo(); wrong != "" {
		return head, wrong
	}
	h.joinCrumbs()
	h.usual = len(h.fields)
	head = http1.Head{Method: h.method, Target: h.path, Major: 2, Host: h.authority, Fields: h.fields, Length: h.length, Protocol: h.protocol}
	h.fields = nil
	switch {
	case h.pseudo&hasAuthority == 0 && h.hasHost && !http1.ValidTarget(h.host):
		return head, "its host is malformed"
	case h.pseudo&hasAuthority == 0:
		head.Host = h.host
	case h.hasHost && h.host != h.authority:
		return head, "the request names two hosts"
	}
	switch {
	case h.method == "CONNECT" && h.length > 0:
		return head, "a CONNECT request has no content"
	case h.method == "CONNECT" && h.protocol == "":
		head.Target = h.authority
	}
	if end {
		if h.length > 0 {
			return head, "the body is shorter than its length"
		}
		head.Length = 0
	}
	head.Expect = h.expect && head.Length != 0
	head.Look()
	return head, ""
}

// checkPseudo holds the pseudo fields to RFC 9113, sections 8.3.1 and 8.5, and RFC 8441, section 4.
func (h *header) checkPseudo() string {
	const plain = hasMethod | hasScheme | hasPath
	has := h.pseudo
	switch {
	case !http1.ValidMethod(h.method):
		return "its method is no word"
	case h.method != "CONNECT" && has&hasProtocol != 0:
		return "it wants a protocol, and is no CONNECT"
	case h.method == "CONNECT" && has&hasProtocol == 0:
		if has != hasMethod|hasAuthority || !http1.ValidTarget(h.authority) {
			return "a CONNECT request names a host and a port, and nothing else"
		}
		return ""
	case has&plain != plain || h.scheme != "https" && h.scheme != "http":
		return "a pseudo field is missing, or says nothing"
	case has&hasProtocol != 0 && (has&hasAuthority == 0 || h.protocol == ""):
		return "an extended CONNECT names no host, or no protocol"
	case !http1.ValidTarget(h.path) || h.path[0] != '/' && (h.path != "*" || h.method != "OPTIONS"):
		return "its path is malformed"
	case has&hasAuthority != 0 && !http1.ValidTarget(h.authority):
		return "its host is malformed"
	case !http1.ValidTarget(h.protocol) && has&hasProtocol != 0:
		return "its protocol is malformed"
	}
	return ""
}
