package proxy

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// small is the length in bytes up to which a body is sent in one piece.
const small = 2 << 10

// respond passes a response on: header, body, trailers. Half a body must not look whole: then the handler is aborted, which is
// how a server is told to break the connection or the stream off.
func (x *exchange) respond(res *http.Response) {
	defer res.Body.Close()
	dropHops(res.Header)
	x.door.outgoing(res.Header, x.ask)
	h := x.w.Header()
	for name, values := range res.Header {
		h[name] = values
	}
	announced := len(res.Trailer)
	if announced > 0 {
		h["Trailer"] = []string{strings.Join(slices.Sorted(maps.Keys(res.Trailer)), ", ")}
	}
	x.w.WriteHeader(res.StatusCode)
	if err := x.copyBody(res); err != nil {
		x.door.log.Debug().Err(err).Str("request_id", x.id).Msg("passing on a response")
		panic(http.ErrAbortHandler)
	}
	x.endWith(res.Trailer, announced)
}

// copyBody passes the body on as it comes: at once, unless it fits into one write, which costs less than two.
func (x *exchange) copyBody(res *http.Response) error {
	if res.Body == http.NoBody || res.ContentLength == 0 {
		return nil
	}
	body := x.idle.watch(res.Body)
	waits := 0 < res.ContentLength && res.ContentLength <= small
	buffer := x.door.buffers.Get()
	defer x.door.buffers.Put(buffer)
	if res.ContentLength < 0 { // the header goes first: the body may be long in coming
		if err := x.flush(); err != nil {
			return err
		}
	}
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := x.w.Write(buffer[:n]); err != nil {
				return err
			}
			if !waits {
				if err := x.flush(); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (x *exchange) flush() error { return http.NewResponseController(x.w).Flush() }

// endWith sends the trailers: those that were announced, and, in the way that net/http has for them, those that were not.
func (x *exchange) endWith(trailer http.Header, announced int) {
	if len(trailer) == 0 {
		return
	}
	_ = x.flush() // a body without a byte is to have trailers all the same
	h := x.w.Header()
	for name, values := range trailer {
		if len(trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}
