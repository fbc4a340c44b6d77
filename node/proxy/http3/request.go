package http3

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http/httpguts"
)

// handler stands between quic-go and the handler of the server: it counts, and gives a request the shape that it would have
// come in over HTTP/2.
type handler struct{ options *Options }

// ServeHTTP serves one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, _ := r.Context().Value(peerKey{}).(*peer)
	stream := streamOf(r)
	active, missing := q.begin(stream)
	if active > h.options.Streams*backlog {
		h.options.calm(q, "too many requests taken back at once")
	}
	if missing != 0 && !q.resets.take(time.Now(), missing) { // taken back before they could be read
		h.options.calm(q, "too many requests taken back")
	}
	defer q.end(stream)
	if m := q.heads.fields.of(stream); m != nil {
		if !q.resets.take(time.Now(), 1) {
			h.options.calm(q, "too many malformed requests")
		}
		h.refuse(w, q, m)
		return
	}
	out := &writer{ResponseWriter: w, header: http.Header{}, leave: q.leave}
	defer out.end()
	defer func() {
		if r.Context().Err() != nil && !q.resets.take(time.Now(), 1) {
			h.options.calm(q, "too many requests taken back")
		}
	}()
	defer h.recovered()
	h.options.Handler.ServeHTTP(out, h.shape(out, r))
	if r.Method == http.MethodHead {
		out.sendHead()
	}
}

// streamOf is the stream that a request came by.
func streamOf(r *http.Request) quic.StreamID {
	by, ok := r.Body.(interface{ StreamID() quic.StreamID })
	if !ok {
		return 0
	}
	return by.StreamID()
}

// calm cuts off a client.
func (o *Options) calm(q *peer, why string) {
	q.close(http3.ErrCodeExcessiveLoad, why)
	if o.Calmed != nil {
		o.Calmed(q.conn.RemoteAddr().String(), why)
	}
}

// recovered tells of a bug, and leaves resetting the stream to quic-go.
func (h *handler) recovered() {
	why := recover()
	if why == nil {
		return
	}
	if why != http.ErrAbortHandler && h.options.Panicked != nil {
		h.options.Panicked(why, debug.Stack())
	}
	panic(http.ErrAbortHandler)
}

// shape gives a request the length, the body and the trailers that a handler expects.
func (h *handler) shape(w *writer, r *http.Request) *http.Request {
	shaped := r.WithContext(r.Context()) // a copy
	if r.Method == http.MethodConnect {
		return shaped
	}
	b := &body{ReadCloser: r.Body, from: r, announced: r.Trailer}
	if httpguts.HeaderValuesContainsToken(r.Header["Expect"], "100-continue") {
		b.goOn = w.goOn
	} else if r.ContentLength < 0 && seldomHasBody(r.Method) {
		b.look(w, h.options.HeaderTimeout)
	}
	shaped.Body = b
	if b.empty || r.ContentLength == 0 {
		shaped.Body, shaped.ContentLength = http.NoBody, 0
	}
	return shaped
}

// seldomHasBody tells of which requests it is looked up whether they have a body: HTTP/3 does not say so before it ends, and an
// application is not to be sent an empty one where the client sent none.
func seldomHasBody(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return true
	}
	return false
}

// body is that of a request.
type body struct {
	io.ReadCloser
	from      *http.Request // that quic-go gives its trailers to
	announced http.Header   // that the handler finds them in
	goOn      func()        // says 100 Continue; nil: nobody waits for it
	first     []byte        // was read already
	empty     bool
}

// look reads the first byte, if there is one.
func (b *body) look(w *writer, patience time.Duration) {
	control := http.NewResponseController(w.ResponseWriter)
	_ = control.SetReadDeadline(time.Now().Add(patience)) // reading tells
	var one [1]byte
	n, err := b.ReadCloser.Read(one[:])
	b.first = one[:n]
	b.empty = n == 0 && errors.Is(err, io.EOF)
	_ = control.SetReadDeadline(time.Time{})
}

// Read gives what the client sends.
func (b *body) Read(p []byte) (int, error) {
	if b.goOn != nil {
		b.goOn()
		b.goOn = nil
	}
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		for name := range b.announced {
			b.announced[name] = b.from.Trailer[name]
		}
	}
	return n, err
}

// writer leaves out what is of one connection, and is not to be said in HTTP/3 (RFC 9114, section 4.2). The header of quic-go is for
// one goroutine, but who reads the body may have to say 100 Continue; so the handler writes to another.
type writer struct {
	http.ResponseWriter
	header http.Header
	leave  func() // has the connection closed in the end

	mu    sync.Mutex // held while ResponseWriter has its header written to, or read
	begun bool       // guarded by mu: the response was decided
}

// Header is the header of the response.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader sends the header.
func (w *writer) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun {
		return
	}
	if status >= 200 && httpguts.HeaderValuesContainsToken(w.header["Connection"], "close") {
		w.leave() // HTTP/3 has no word for it but to do it
	}
	for _, name := range [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"} {
		delete(w.header, name)
	}
	h := w.ResponseWriter.Header()
	maps.Copy(h, w.header)
	w.ResponseWriter.WriteHeader(status)
	if w.begun = status >= 200; !w.begun {
		clear(h)
	}
}

// Write writes to the body.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// goOn says 100 Continue, unless the response was decided.
func (w *writer) goOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.begun {
		w.ResponseWriter.WriteHeader(http.StatusContinue)
	}
}

// sendHead sends an answer to HEAD as it was decided. quic-go would add the length of what was written, which is not that of the answer
// to GET (RFC 9110, section 8.6).
func (w *writer) sendHead() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, told := w.ResponseWriter.Header()["Content-Length"]; w.begun && !told {
		_ = http.NewResponseController(w.ResponseWriter).Flush() // the end of the stream fails then, too
	}
}

// end hands over trailers, and lets nothing more be said.
func (w *writer) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = true
	maps.Copy(w.ResponseWriter.Header(), w.header)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TakesDatagrams tells whether the client takes datagrams of HTTP/3, as far as it has told by now (RFC 9297, section 2.1.1).
func (w *writer) TakesDatagrams() bool {
	told, ok := w.ResponseWriter.(http3.Settingser)
	if !ok {
		return false
	}
	select {
	case <-told.ReceivedSettings():
		return told.Settings().EnableDatagrams
	default:
		return false
	}
}

// HTTPStream hands the stream over, for what needs its datagrams. Whoever takes it closes it.
func (w *writer) HTTPStream() (*http3.Stream, error) {
	streamer, ok := w.ResponseWriter.(http3.HTTPStreamer)
	if !ok {
		return nil, http.ErrNotSupported
	}
	return streamer.HTTPStream()
}
