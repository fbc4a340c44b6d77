package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"picket/node/proxy/http1"
)

// ServeHTTP is the door without a listener of its own: nothing in front of it is trusted.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.serveHTTP(w, r, nil) }

// serveHTTP serves a request that net/http has read: the adapter for all that net/http, or what is like it, speaks.
func (d *Door) serveHTTP(w http.ResponseWriter, r *http.Request, through *listener) {
	request := requestOf(r)
	stop := context.AfterFunc(r.Context(), func() { request.Life.End(http1.ErrClientGone) })
	defer stop()
	defer request.Life.Over()
	c := &netClient{w: w, r: r, control: http.NewResponseController(w), outlive: stop}
	defer c.leave()
	defer context.AfterFunc(&request.Life, c.release)()
	d.take(request, c, through)
	if !c.done {
		panic(http.ErrAbortHandler) // half a response must not look whole: this is how net/http is told
	}
}

// requestOf is a request of net/http as the door reads it.
func requestOf(r *http.Request) *http1.Request {
	made := &http1.Request{Remote: r.RemoteAddr, Peer: http1.PeerOf(r.RemoteAddr), TLS: r.TLS}
	made.Head = http1.Head{
		Method: r.Method, Target: r.RequestURI, Major: r.ProtoMajor, Minor: r.ProtoMinor, Host: r.Host, Length: r.ContentLength, Close: r.Close,
		Fields: http1.Fields(nil).Flat(r.Header),
	}
	if len(r.Trailer) > 0 {
		announced := strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ", ")
		made.Fields = append(made.Fields, http1.Field{Name: "Trailer", Value: announced})
	}
	if expect, ok := made.Fields.Get("Expect"); ok {
		made.Expect = strings.EqualFold(expect, "100-continue")
	}
	if r.ProtoMajor == 1 {
		_, made.Upgrade = made.Fields.Get("Upgrade")
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		made.Body = netBody{r}
	}
	if r.Method == http.MethodConnect {
		extend(made, r)
	}
	return made
}

// extend makes of an extended CONNECT (RFC 9220; RFC 8441, section 4) what the same request is over HTTP/1.1: a WebSocket is asked
// for by GET. What comes behind it is no body.
func extend(made *http1.Request, r *http.Request) {
	if r.ProtoMajor == 3 && r.Proto != "HTTP/3.0" {
		made.Protocol = r.Proto // stands where the version does
	}
	if made.Protocol == webSocket {
		made.Method, made.Length, made.Body = http.MethodGet, 0, nil
	}
}

// netBody is the body of a request of net/http.
type netBody struct{ r *http.Request }

func (b netBody) Read(p []byte) (int, error) { return b.r.Body.Read(p) }
func (b netBody) Close() error               { return b.r.Body.Close() }
func (b netBody) Trailers() http1.Fields     { return http1.Fields(nil).Flat(b.r.Trailer) }

// netClient is the way back through net/http.
type netClient struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	outlive func() bool // has the end of the context of r mean nothing
	done    bool        // the response is finished, or the connection handed over

	mu      sync.Mutex
	began   bool // guarded by mu
	writing bool // guarded by mu: perhaps it waits for the client to read
	cut     bool // guarded by mu: no more of the body is written
	left    bool // guarded by mu: the handler is about to return, or somebody else sees to the end of what is written
}

// unread is how long a write that is under way when a response is cut may take: one that need not wait for the client is done by
// then, and an end in good form, such as the status of gRPC, can follow it.
const unread = 20 * time.Millisecond

// errCut is for what would be written after a response was cut.
var errCut = errors.New("the response was cut")

// release is for the end of a request: nothing of a response that was cut goes to the client any more, and a write that waits for
// a client that does not read is ended.
func (c *netClient) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.began || c.left {
		return
	}
	c.cut = true
	if c.writing {
		time.AfterFunc(unread, c.abort)
	}
}

// abort ends a write that still waits.
func (c *netClient) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing && !c.left {
		_ = c.control.SetWriteDeadline(time.Now())
	}
}

// leave has release do nothing: w may be gone, or be in other hands.
func (c *netClient) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
}

// body does something that may wait for the client to read.
func (c *netClient) body(write func() error) error {
	c.mu.Lock()
	if c.cut {
		c.mu.Unlock()
		return errCut
	}
	c.writing = true
	c.mu.Unlock()
	err := write()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	return err
}

// Inform sends an informational response.
func (c *netClient) Inform(status int, fields http1.Fields) error {
	h := c.w.Header()
	maps.Copy(h, fields.Header())
	c.w.WriteHeader(status)
	clear(h)
	return nil
}

// Begin decides the response.
func (c *netClient) Begin(r http1.Reply) {
	h := c.w.Header()
	maps.Copy(h, r.Fields.Header())
	delete(h, "Content-Length")
	if r.Length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(r.Length, 10)}
	}
	if _, typed := h["Content-Type"]; !typed {
		h["Content-Type"] = nil // else net/http guesses one
	}
	if r.Last { // over HTTP/3 it stands for the like of a GOAWAY: what is under way comes to its end
		h["Connection"] = []string{"close"}
	}
	if c.r.ContentLength != 0 {
		_ = c.control.EnableFullDuplex() // else net/http throws the rest of a body away once the answer begins
	}
	c.w.WriteHeader(r.Status)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = true
}

// Write writes to the body.
func (c *netClient) Write(p []byte) (n int, err error) {
	err = c.body(func() error { n, err = c.w.Write(p); return err })
	return n, err
}

// Flush sends what was written so far.
func (c *netClient) Flush() error { return c.body(c.control.Flush) }

// Finish leaves it to net/http to end the response, when the handler returns.
func (c *netClient) Finish(trailers http1.Fields) error {
	c.done = true
	if len(trailers) == 0 {
		return nil
	}
	h := c.w.Header()
	for name, values := range trailers.Header() {
		h[http.TrailerPrefix+name] = values
	}
	return c.control.Flush() // a body without a byte is to have trailers all the same
}

// Hijack hands the connection over.
func (c *netClient) Hijack() (net.Conn, []byte, error) {
	conn, rw, err := c.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	c.done = true
	held, err := io.ReadAll(io.LimitReader(rw.Reader, int64(rw.Reader.Buffered())))
	return conn, held, err
}
