package proxy

import (
	"io"
	"strings"

	"picket/node/proxy/http1"
)

// respond passes a response on: header, body, trailers. Half a body must not look whole: then the response is not finished,
// and breaks off, but for one of gRPC that is cut here (grpc.go).
func (x *exchange) respond(answer *http1.Answer) {
	defer answer.Close()
	x.door.outgoing(&answer.Fields, x.ask)
	if len(answer.Announced) > 0 {
		answer.Fields = append(answer.Fields, http1.Field{Name: "Trailer", Value: strings.Join(answer.Announced, ", ")})
	}
	x.w.Begin(http1.Reply{Status: answer.Status, Fields: answer.Fields, Length: answer.Length})
	err := x.copyBody(answer)
	if err == nil {
		err = x.finish(answer)
	}
	if err != nil && !x.endGRPC(answer) {
		x.door.log.Debug().Err(err).Str("request_id", x.id).Msg("passing on a response")
	}
}

// copyBody passes the body on as it comes: at once, unless that is the end of it.
func (x *exchange) copyBody(answer *http1.Answer) error {
	if answer.Body == nil {
		return nil
	}
	buffer := x.door.buffers.Get()
	err := x.copyThrough(buffer, answer)
	if err == nil { // else HTTP/2 may still be about to send what is in it, and nobody else's data are to be there by then
		x.door.buffers.Put(buffer)
	}
	return err
}

func (x *exchange) copyThrough(buffer []byte, answer *http1.Answer) error {
	if answer.Length < 0 { // the header goes first: the body may be long in coming
		if err := x.w.Flush(); err != nil {
			return err
		}
	}
	for {
		n, err := answer.Body.Read(buffer)
		x.alive()
		if n > 0 {
			if _, err := x.w.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = x.w.Flush()
		}
		if err != nil {
			return err
		}
	}
}

func (x *exchange) finish(answer *http1.Answer) error {
	if answer.Body == nil {
		return x.w.Finish(nil)
	}
	return x.w.Finish(x.door.beside(answer.Body.Trailers(), x.ask))
}
