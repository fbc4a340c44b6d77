package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Serve answers a request by a handler of net/http. What the handler wrote is held back while it is little, so that a short body
// gets its length. The response is finished when the handler returns, and not when it panics.
func Serve(h http.Handler, r *http.Request, c Client) error {
	w := &writer{client: c, method: r.Method, header: http.Header{}, length: -1}
	defer func() { w.over = true }()
	h.ServeHTTP(w, r)
	return w.finish()
}

// heldBack is how many bytes of a body without a length wait for its end.
const heldBack = 2 << 10

// writer is an http.ResponseWriter on top of a Client.
type writer struct {
	client Client
	method string
	header http.Header

	status    int // 0: nothing was decided yet
	length    int64
	announced []string // names of trailers, canonical
	pending   []byte   // of the body
	begun     bool     // the client knows of the response
	hijacked  bool
	over      bool // the handler has returned
}

// Header is the header of the response.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader decides the status. An informational one is sent at once, and the decision stays open.
func (w *writer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("http1: a status of %d", status))
	}
	if w.hijacked || w.over || w.status != 0 {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		_ = w.client.Inform(status, Fields(nil).Flat(w.header)) // writing the response tells
		return
	}
	w.status = status
	if text := w.header["Content-Length"]; len(text) == 1 {
		if n, ok := parseLength(text[0]); ok {
			w.length = n
		}
	}
	for _, line := range w.header["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			w.announced = append(w.announced, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
}

// Write writes to the body.
func (w *writer) Write(p []byte) (int, error) {
	if err := w.closed(); err != nil {
		return 0, err
	}
	w.WriteHeader(http.StatusOK)
	if !w.begun && w.length < 0 && len(w.pending)+len(p) <= heldBack && !bodiless(w.method, w.status) {
		w.pending = append(w.pending, p...)
		return len(p), nil
	}
	if err := w.begin(); err != nil {
		return 0, err
	}
	return w.client.Write(p)
}

func (w *writer) closed() error {
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.over:
		return errOver
	}
	return nil
}

// begin sends the head, and what was held back.
func (w *writer) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	r := Reply{Status: w.status, Length: w.length}
	for _, line := range w.header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			r.Last = r.Last || strings.EqualFold(strings.TrimSpace(option), "close")
		}
	}
	r.Fields = slices.DeleteFunc(Fields(nil).Flat(w.header), func(f Field) bool {
		return f.Name == "Connection" || strings.HasPrefix(f.Name, http.TrailerPrefix) || slices.Contains(w.announced, f.Name)
	})
	w.client.Begin(r)
	if len(w.pending) == 0 {
		return nil
	}
	_, err := w.client.Write(w.pending)
	return err
}

// finish ends the response.
func (w *writer) finish() error {
	if w.hijacked {
		return nil
	}
	w.WriteHeader(http.StatusOK)
	if !w.begun && w.length < 0 && len(w.announced) == 0 && !bodiless(w.method, w.status) {
		w.length = int64(len(w.pending))
	}
	if err := w.begin(); err != nil {
		return err
	}
	return w.client.Finish(w.trailers())
}

func (w *writer) trailers() (all Fields) {
	for _, name := range w.announced {
		for _, value := range w.header[name] {
			all = append(all, Field{Name: name, Value: value})
		}
	}
	for name, values := range w.header {
		if rest, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			for _, value := range values {
				all = append(all, Field{Name: rest, Value: value})
			}
		}
	}
	return all
}

// FlushError sends what was written so far.
func (w *writer) FlushError() error {
	if err := w.closed(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	if err := w.begin(); err != nil {
		return err
	}
	return w.client.Flush()
}

// Flush is FlushError for those who do not ask.
func (w *writer) Flush() { _ = w.FlushError() }

// EnableFullDuplex is so already: a body may be read while the response is written.
func (w *writer) EnableFullDuplex() error { return nil }

// Hijack hands the connection over.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.closed(); err != nil {
		return nil, nil, err
	}
	conn, held, err := w.client.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(held), conn), max(len(held), bufferSize))
	if _, err := in.Peek(len(held)); err != nil {
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(in, bufio.NewWriter(conn)), conn.SetDeadline(time.Time{})
}
