package http1

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
)

// Request is one request as a server read it. An adapter of another protocol fills one, too: whoever serves it does not know
// which it was.
type Request struct {
	Head
	Life Life // ends with the request, and before when the client leaves

	Remote string               // ADDRESS:PORT of the peer
	Peer   Peer                 // the same, read; zero where it was not
	TLS    *tls.ConnectionState // nil: none
	Body   Body                 // nil: there is none
}

// Peer is an address and its text.
type Peer struct {
	Addr netip.Addr // unmapped, without zone; the zero Addr: unknown
	Text string
}

// PeerOf reads ADDRESS:PORT, once for a connection.
func PeerOf(remote string) Peer {
	with, err := netip.ParseAddrPort(remote)
	if err != nil {
		return Peer{}
	}
	addr := with.Addr().Unmap().WithZone("")
	return Peer{addr, addr.String()}
}

// Body is the body of a message. It may be read by another goroutine than the one that serves the request.
type Body interface {
	io.ReadCloser
	Trailers() Fields // behind the body, once reading gave io.EOF
}

// Reply is the head of a response.
type Reply struct {
	Status int // 200 to 999
	Fields Fields
	Length int64 // of the body, or of the one that a HEAD or a 304 tells of, in bytes; -1: it is not known
	Last   bool  // the connection ends with this response, where the protocol has that
}

// Client is the half of an exchange that faces the client: what is written to it. Nothing of a Reply's fields frames the
// message, or says anything of the connection: Client says that itself. One goroutine uses it at a time.
type Client interface {
	// Inform sends an informational response (1xx; RFC 9110, section 15.2), at once.
	Inform(status int, fields Fields) error
	// Begin decides the response. It is sent with what is written next, or by Flush.
	Begin(r Reply)
	// Write writes to the body; http.ErrBodyNotAllowed where there is none, http.ErrContentLength beyond the length.
	Write(p []byte) (int, error)
	// Flush sends what was written so far.
	Flush() error
	// Finish ends the response, and sends it. What of trailers the protocol cannot send is left out. A response that is not
	// finished breaks off, so that the client does not take it for whole.
	Finish(trailers Fields) error
	// Hijack hands the connection over, with what was read of it already and is for another protocol. An error where the
	// protocol shares it between requests (http.ErrNotSupported).
	Hijack() (conn net.Conn, held []byte, err error)
}

// Handler serves one request.
type Handler func(*Request, Client)

// bodiless tells whether a response has no body, whatever its fields say (RFC 9110, section 6.4.1).
func bodiless(method string, status int) bool {
	return method == http.MethodHead || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// HTTP is the request as handlers of net/http read it, and an error when net/http could not.
func (r *Request) HTTP() (*http.Request, error) {
	r.Life.Keep() // it is a context from here on
	made := (&http.Request{
		Method: r.Method, Proto: "HTTP/1.1", ProtoMajor: r.Major, ProtoMinor: r.Minor, RemoteAddr: r.Remote, TLS: r.TLS,
		RequestURI: r.Target, Host: r.Host, ContentLength: r.Length, Close: r.Close, Body: http.NoBody, Header: r.Fields.Header(),
	}).WithContext(&r.Life)
	switch {
	case r.Major == 2:
		made.Proto = "HTTP/2.0"
	case r.Major == 3:
		made.Proto = "HTTP/3.0"
	case r.Minor == 0:
		made.Proto = "HTTP/1.0"
	}
	var err error
	if made.URL, err = r.url(); err != nil {
		return nil, errTarget
	}
	if r.Length < 0 && r.Major == 1 {
		made.TransferEncoding = []string{"chunked"}
	}
	if r.Length < 0 {
		announced, ok := r.Fields.Announced()
		if !ok {
			return nil, errTrailer
		}
		delete(made.Header, "Trailer")
		for _, name := range announced {
			if made.Trailer == nil {
				made.Trailer = http.Header{}
			}
			made.Trailer[textproto.CanonicalMIMEHeaderKey(name)] = nil
		}
	}
	if r.Body != nil {
		made.Body = &httpBody{Body: r.Body, request: made}
	}
	return made, nil
}

// httpBody is a body that gives its trailers to a request of net/http.
type httpBody struct {
	Body
	request *http.Request
	told    bool
}

func (b *httpBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	if err == io.EOF && !b.told {
		b.told = true
		for _, f := range b.Trailers() {
			if b.request.Trailer == nil {
				b.request.Trailer = http.Header{}
			}
			b.request.Trailer.Add(f.Name, f.Value)
		}
	}
	return n, err
}
