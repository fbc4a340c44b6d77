package http2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// client is one of net/http that speaks HTTP/2 alone.
func (w *world) client() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(true)
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// mirrors answers with what it was told to: status, length of the body, pieces, trailers. It tells the sum of the body that it read.
func mirrors(r *http1.Request, c http1.Client) {
	number := func(name string) int {
		text, _ := r.Fields.Get(name)
		n, _ := strconv.Atoi(text)
		return n
	}
	sum := sha256.New()
	if r.Body != nil && number("x-ignore") == 0 {
		if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{r.Body}, make([]byte, 1+number("x-piece"))); err != nil {
			return
		}
	}
	size, piece := number("x-size"), 1+number("x-piece")
	reply := http1.Reply{Status: number("x-status"), Length: int64(size), Fields: http1.Fields{
		{Name: "X-Sum", Value: fmt.Sprintf("%x", sum.Sum(nil))}, {Name: "Connection", Value: "x-a"}, {Name: "X-Target", Value: r.Target},
	}}
	if r.Body != nil {
		for _, f := range r.Body.Trailers() {
			reply.Fields = append(reply.Fields, http1.Field{Name: "X-Heard-" + f.Name, Value: f.Value})
		}
	}
	if number("x-unknown") > 0 {
		reply.Length = -1
	}
	_ = c.Inform(103, http1.Fields{{Name: "Link", Value: "</a>"}})
	c.Begin(reply)
	body := bytes.Repeat([]byte{'b'}, size)
	for len(body) > 0 && !http1.Bodiless(r.Method, reply.Status) {
		n := min(piece, len(body))
		if _, err := c.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
		if n%3 == 0 && c.Flush() != nil {
			return
		}
	}
	if number("x-break") > 0 {
		return
	}
	_ = c.Finish(http1.Fields{{Name: "X-Behind", Value: "1"}, {Name: "Content-Length", Value: "7"}})
}

// TestClientsOfAnotherMakeUnderstandEveryAnswer sends requests of all kinds, many at once, some of which are given up.
func TestClientsOfAnotherMakeUnderstandEveryAnswer(t *testing.T) {
	for name, secure := range map[string]bool{"over TLS": true, "in the clear": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, secure, nil, func(o *Options) { o.Handler, o.Streams = mirrors, 50 })
			address, client := "http://"+w.address, w.client()
			if secure {
				address = "https://" + w.address
			}
			var all sync.WaitGroup
			for who := range 8 {
				all.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(who)))
					for range 40 {
						w.exchange(client, address, random)
					}
				})
			}
			all.Wait()
			select {
			case why := <-w.calmed:
				t.Errorf("a client was cut off: %s", why)
			default:
			}
		})
	}
}

// sizes are those around which something changes.
var sizes = []int{0, 1, 100, pieceBytes, frameBytes, frameBytes + 1, 65535, outBytes + 1, laterWindow + 1, 700_000}

// exchange makes one request, at random, and checks the answer.
func (w *world) exchange(client *http.Client, address string, random *rand.Rand) {
	t := w.t
	size, sent := sizes[random.IntN(len(sizes))], bytes.Repeat([]byte{byte(random.IntN(256))}, sizes[random.IntN(len(sizes))])
	method := []string{"GET", "POST", "HEAD", "PUT"}[random.IntN(4)]
	status := []int{200, 200, 200, 404, 204, 304}[random.IntN(6)]
	given, breaks := random.IntN(6) == 0, random.IntN(8) == 0
	var body io.Reader
	if method == "POST" || method == "PUT" {
		body = bytes.NewReader(sent)
		if random.IntN(2) == 0 {
			body = struct{ io.Reader }{body} // of unknown length
		}
	} else {
		sent = nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("%s/%d?q", address, size), body)
	if err != nil {
		t.Error(err)
		return
	}
	if body != nil {
		r.Trailer = http.Header{"X-After": {"all"}}
	}
	for name, value := range map[string]int{"x-size": size, "x-status": status, "x-piece": random.IntN(40000), "x-unknown": random.IntN(2)} {
		r.Header.Set(name, strconv.Itoa(value))
	}
	if breaks {
		r.Header.Set("x-break", "1")
	}
	if random.IntN(4) == 0 && body != nil {
		r.Header.Set("x-ignore", "1")
		sent = nil
	}
	if random.IntN(4) == 0 {
		r.Header.Set("Expect", "100-continue")
	}
	res, err := client.Do(r)
	if err != nil {
		if !breaks {
			t.Errorf("%s %d: %v", method, size, err)
		}
		return
	}
	defer res.Body.Close()
	if given {
		_, _ = io.CopyN(io.Discard, res.Body, int64(size/3)) // and no more
		return
	}
	all, err := io.ReadAll(res.Body)
	bodiless := http1.Bodiless(method, status)
	switch {
	case breaks && err == nil && (size > 0 || !bodiless):
		t.Errorf("%s %d: half an answer looks whole", method, size)
	case breaks:
		return
	case err != nil && status == http.StatusNotModified: // that client wants the body whose length a 304 tells
	case err != nil:
		t.Errorf("%s %d: %v", method, size, err)
	case bodiless && len(all) > 0, !bodiless && len(all) != size:
		t.Errorf("%s %d: %d bytes", method, size, len(all))
	case res.StatusCode != status, res.Header.Get("X-Target") != fmt.Sprintf("/%d?q", size), res.Header.Get("Connection") != "", res.Header.Get("Date") == "":
		t.Errorf("%s %d: %s %v", method, size, res.Status, res.Header)
	case res.Header.Get("X-Sum") != fmt.Sprintf("%x", sha256.Sum256(sent)):
		t.Errorf("%s %d: a body of %d bytes was read otherwise", method, size, len(sent))
	case !bodiless && (res.Trailer.Get("X-Behind") != "1" || len(res.Trailer) != 1):
		t.Errorf("%s %d: trailers %v", method, size, res.Trailer)
	case len(sent) > 0 && r.Header.Get("x-ignore") == "" && res.Header.Get("X-Heard-X-After") != "all":
		t.Errorf("%s %d: the trailers were not heard: %v", method, size, res.Header)
	}
}

func TestAClientThatWaitsIsToldToGoOnOnce(t *testing.T) {
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) {
		all, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %v", all, err)
	})
	p := w.peer()
	block := p.header(":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/", "expect", "100-continue")
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}))
	if got := p.outcome(1); got != "100" {
		t.Fatalf("first comes %s", got)
	}
	w.must(p.WriteData(1, true, []byte("body")))
	if got := p.outcome(1); got != "200" {
		t.Errorf("then comes %s", got)
	}
	if got := p.body(1); got != "body <nil>" {
		t.Errorf("the handler read %q", got)
	}
}

// body is what comes of one stream, until its end.
func (p *peer) body(stream uint32) string {
	p.w.t.Helper()
	var all strings.Builder
	_, err := p.hears(func(f http2.Frame) bool {
		d, ok := f.(*http2.DataFrame)
		if !ok || d.StreamID != stream {
			return false
		}
		all.Write(d.Data())
		return d.StreamEnded()
	})
	p.w.must(err)
	return all.String()
}

func TestWhatAClientGivesUpEndsForTheHandler(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	w := newWorld(t, false, nil, func(o *Options) {
		o.Handler = func(r *http1.Request, c http1.Client) {
			c.Begin(http1.Reply{Status: 200, Length: -1})
			_ = c.Flush()
			close(began)
			<-r.Life.Done()
			_, reading := r.Body.Read(make([]byte, 1))
			_, writing := c.Write([]byte("x"))
			ended <- errors.Join(reading, writing)
		}
	})
	p := w.peer()
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks(), EndHeaders: true}))
	<-began
	w.must(p.WriteRSTStream(1, http2.ErrCodeCancel))
	if err := <-ended; strings.Count(err.Error(), http1.ErrClientGone.Error()) != 2 {
		t.Errorf("reading and writing say %v", err)
	}
	w.must(p.WritePing(false, [8]byte{1}))
	if _, err := p.hears(func(f http2.Frame) bool { ping, ok := f.(*http2.PingFrame); return ok && ping.IsAck() }); err != nil {
		t.Error(err)
	}
}

func TestAPanicResetsItsStreamAlone(t *testing.T) {
	panicked := make(chan any, 1)
	w := newWorld(t, false, nil, func(o *Options) {
		o.Panicked = func(why any, _ []byte) { panicked <- why }
		o.Handler = func(r *http1.Request, c http1.Client) {
			c.Begin(http1.Reply{Status: 200, Length: 0})
			_ = c.Finish(nil)
			if r.Target == "/bug" {
				panic("a bug")
			}
		}
	})
	p := w.peer()
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/bug")
	if why := <-panicked; why != "a bug" {
		t.Errorf("told of %v", why)
	}
	p.ask(3, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	if got := p.outcome(3); got != "200" {
		t.Errorf("the next: %s", got)
	}
}
