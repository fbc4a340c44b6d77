package proxy

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"

	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

// transport asks an application: http1.Transport over http://, net/http's over https://, where HTTP/2 may be spoken,
// and over h2c://, where it is. The answer must be closed.
type transport interface {
	// Ask asks a target. Connections are used again for requests with the same key.
	Ask(q *http1.Question, t *target, key string) (*http1.Answer, error)
	CloseIdleConnections()
}

// plainTransport speaks HTTP/1.1 itself.
type plainTransport struct{ *http1.Transport }

// Ask asks.
func (t plainTransport) Ask(q *http1.Question, _ *target, key string) (*http1.Answer, error) {
	return t.Transport.Ask(q, key)
}

// netTransport has net/http ask.
type netTransport struct{ *http.Transport }

// Ask makes a request of net/http, and of its response an answer.
func (t netTransport) Ask(q *http1.Question, to *target, key string) (*http1.Answer, error) {
	e := &early{to: q.Informed.Inform}
	defer e.end() // from then on somebody else may have the writer
	ctx := httptrace.WithClientTrace(upstream.WithClientKey(q.Life, key), &httptrace.ClientTrace{Got1xxResponse: e.inform})
	r := (&http.Request{
		Method: q.Method, URL: &url.URL{Scheme: to.scheme(), Host: to.host(), Opaque: q.Path, RawQuery: q.Query}, Host: q.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: headerOf(q),
	}).WithContext(ctx)
	if q.Body != nil {
		r.ContentLength, r.Trailer = q.Length, http.Header{}
		for _, name := range q.Trailers {
			r.Trailer[http.CanonicalHeaderKey(name)] = nil
		}
		r.Body = &asking{Body: q.Body, trailer: r.Trailer}
	}
	res, err := t.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return answerOf(res, q.Method), nil
}

// headerOf is the header of a question as net/http has it.
func headerOf(q *http1.Question) http.Header {
	h := q.Fields.Header()
	for _, name := range []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"} {
		delete(h, name)
	}
	give(h, q.Given)
	if _, told := h["User-Agent"]; !told {
		h["User-Agent"] = []string{""} // else net/http names itself
	}
	return h
}

// give sets what an application is told, over whatever is there. Of a name that is told twice both are.
func give(h http.Header, given http1.Fields) {
	for _, f := range given {
		delete(h, http.CanonicalHeaderKey(f.Name))
	}
	for _, f := range given {
		name := http.CanonicalHeaderKey(f.Name)
		h[name] = append(h[name], f.Value)
	}
}

// asking is a body that gives its trailers to a request of net/http.
type asking struct {
	http1.Body
	trailer http.Header
}

func (a *asking) Read(p []byte) (int, error) {
	n, err := a.Body.Read(p)
	if err == io.EOF {
		for name, values := range a.Body.Trailers().Header() {
			if _, announced := a.trailer[name]; announced {
				a.trailer[name] = values
			}
		}
	}
	return n, err
}

// answerOf is a response of net/http as an answer.
func answerOf(res *http.Response, method string) *http1.Answer {
	a := &http1.Answer{
		Status: res.StatusCode, Fields: http1.Fields(nil).Flat(res.Header), Length: res.ContentLength,
		Announced: slices.Sorted(maps.Keys(res.Trailer)),
	}
	switch {
	case res.StatusCode == http.StatusNotModified:
		a.Length = -1
		if text, ok := a.Fields.Get("Content-Length"); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
				a.Length = n
			}
		}
	case method != http.MethodHead && res.Body != http.NoBody && res.ContentLength != 0:
		a.Body = answering{res}
		return a
	}
	_ = res.Body.Close()
	return a
}

// answering is the body of a response of net/http.
type answering struct{ *http.Response }

// Read reads the next bytes.
func (a answering) Read(p []byte) (int, error) { return a.Body.Read(p) }

// Close ends it.
func (a answering) Close() error { return a.Body.Close() }

// Trailers are those behind the body.
func (a answering) Trailers() http1.Fields { return http1.Fields(nil).Flat(a.Trailer) }
