package http1

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// request makes of a head what handlers read. All its text is one copy of the head's bytes.
func (h *Head) request(ctx context.Context, remote string, state *tls.ConnectionState) (*http.Request, error) {
	text := text{from: h.bytes()}
	text.copied = string(text.from)
	r := &http.Request{
		Method: method(h.Method), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: h.Minor, RemoteAddr: remote, TLS: state,
		RequestURI: text.of(h.Target), Host: text.of(h.Host), ContentLength: h.Length, Close: h.Close, Body: http.NoBody,
	}
	if h.Minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	if h.Length < 0 {
		r.TransferEncoding = []string{"chunked"}
	}
	r.Header = h.header(text)
	var err error
	if h.Length < 0 {
		if r.Trailer, err = announcedTrailer(r.Header); err != nil {
			return nil, err
		}
	}
	if r.URL, err = parseTarget(r.Method, r.RequestURI); err != nil {
		return nil, bad("the target of the request is malformed")
	}
	if r.URL.Host != "" { // the target names the host (RFC 9112, sections 3.2.2 and 3.2.3)
		if r.Method != http.MethodConnect && h.Host != nil && r.Host != r.URL.Host {
			return nil, bad("the request names two hosts")
		}
		r.Host = r.URL.Host
	}
	return r.WithContext(ctx), nil
}

// bytes is the whole head, from the method to the last value.
func (h *Head) bytes() []byte {
	last := h.Target
	if n := len(h.Fields); n > 0 {
		last = h.Fields[n-1].Value
	}
	return h.Method[:cap(h.Method)-cap(last)+len(last)]
}

// text makes strings of parts of some bytes without copying each.
type text struct {
	from   []byte
	copied string
}

func (t text) of(part []byte) string {
	if len(part) == 0 {
		return ""
	}
	at := cap(t.from) - cap(part)
	return t.copied[at : at+len(part)]
}

// method is the text of a method without a copy for the usual ones.
func method(b []byte) string {
	switch string(b) {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	case http.MethodPut:
		return http.MethodPut
	case http.MethodHead:
		return http.MethodHead
	case http.MethodDelete:
		return http.MethodDelete
	}
	return string(b)
}

// header is a map of the fields by their canonical names, without Host and without Transfer-Encoding, as net/http has it.
func (h *Head) header(text text) http.Header {
	header := make(http.Header, len(h.Fields))
	room := make([]string, len(h.Fields))
	for _, f := range h.Fields {
		name := text.of(f.Name)
		if !canonical(f.Name) {
			name = textproto.CanonicalMIMEHeaderKey(name)
		}
		if name == "Host" || name == "Transfer-Encoding" {
			continue
		}
		value := text.of(f.Value)
		if values := header[name]; values != nil {
			header[name] = append(values, value)
			continue
		}
		room[0] = value
		header[name] = room[:1:1]
		room = room[1:]
	}
	return header
}

// canonical tells whether a name is written as net/http has it.
func canonical(name []byte) bool {
	upper := true
	for _, c := range name {
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			return false
		}
		upper = c == '-'
	}
	return true
}

// announcedTrailer holds the names that the request announces, without values: they come with the body's end. Names that frame
// the message are none (RFC 9110, section 6.5.1).
func announcedTrailer(h http.Header) (trailer http.Header, err error) {
	for _, line := range h["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			switch name {
			case "Transfer-Encoding", "Content-Length", "Trailer":
				return nil, errTrailer
			case "":
				continue
			}
			if trailer == nil {
				trailer = http.Header{}
			}
			trailer[name] = nil
		}
	}
	delete(h, "Trailer")
	return trailer, nil
}

// parseTarget reads a target in the form that its method has (RFC 9112, section 3.2).
func parseTarget(method, target string) (*url.URL, error) {
	if method == http.MethodConnect && !strings.HasPrefix(target, "/") {
		u, err := url.ParseRequestURI("http://" + target)
		if err != nil {
			return nil, err
		}
		u.Scheme = ""
		return u, nil
	}
	return url.ParseRequestURI(target)
}
