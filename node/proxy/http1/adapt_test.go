package http1

import (
	"context"
	"io"
	"net"
	"net/http"
)

// adapted serves requests by a handler of net/http.
func adapted(h http.Handler) Handler {
	return func(r *Request, c Client) {
		made, err := r.HTTP()
		if err != nil {
			c.Begin(Reply{Status: http.StatusBadRequest, Last: true})
			_ = c.Finish(nil)
			return
		}
		_ = Serve(h, made, c) // what is not finished is broken off
	}
}

// RoundTrip asks as net/http does.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	q := &Question{
		Life: &Life{}, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Length: r.ContentLength,
		Expect: r.Header.Get("Expect") != "", Informed: traced(r.Context()),
	}
	if r.URL.Opaque != "" {
		q.Path = r.URL.Opaque
	} else if q.Path == "" {
		q.Path = "/"
	}
	for _, f := range (Fields(nil)).Flat(r.Header) {
		if f.Name != "User-Agent" || f.Value != "" {
			q.Fields = append(q.Fields, f)
		}
	}
	for name := range r.Trailer {
		q.Trailers = append(q.Trailers, name)
	}
	if r.Body != nil && r.Body != http.NoBody {
		q.Body = askedBody{r.Body, r}
	}
	context.AfterFunc(r.Context(), func() { q.Life.End(context.Cause(r.Context())) })
	address := r.URL.Host
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	a, err := t.Ask(q, address)
	if err != nil {
		return nil, err
	}
	return a.http(r), nil
}

type informed struct{}

// withInform has a function told of what comes before an answer.
func withInform(ctx context.Context, f informing) context.Context {
	return context.WithValue(ctx, informed{}, f)
}

type informing func(int, Fields) error

func (f informing) Inform(status int, fields Fields) error { return f(status, fields) }

func traced(ctx context.Context) Informed {
	f, _ := ctx.Value(informed{}).(informing)
	if f == nil {
		return nil
	}
	return f
}

type askedBody struct {
	io.ReadCloser
	of *http.Request
}

func (b askedBody) Trailers() Fields { return Fields(nil).Flat(b.of.Trailer) }

// http is an answer as net/http has it.
func (a *Answer) http(r *http.Request) *http.Response {
	res := &http.Response{
		Request: r, StatusCode: a.Status, Status: http.StatusText(a.Status), ProtoMajor: 1, ProtoMinor: 1, Header: a.Fields.Header(),
		ContentLength: a.Length, Body: http.NoBody,
	}
	if a.Body == nil {
		if r.Method != http.MethodHead {
			res.ContentLength = 0
		}
		return res
	}
	if a.Body.(*answerBody).framed.chunked {
		delete(res.Header, "Trailer")
		res.TransferEncoding = []string{"chunked"}
	}
	for _, name := range a.Announced {
		if res.Trailer == nil {
			res.Trailer = http.Header{}
		}
		res.Trailer[http.CanonicalHeaderKey(name)] = nil
	}
	res.Body = answeredBody{a.Body, res}
	return res
}

type answeredBody struct {
	Body
	of *http.Response
}

func (b answeredBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	if err == io.EOF {
		if trailer := b.Trailers().Header(); len(trailer) > 0 {
			if b.of.Trailer == nil {
				b.of.Trailer = http.Header{}
			}
			for name, values := range trailer {
				b.of.Trailer[name] = values
			}
		}
	}
	return n, err
}
