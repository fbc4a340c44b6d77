package proxy

import (
	"errors"
	"io"
	"strings"

	"picket/node/proxy/http1"
)

// respond passes a response on: header, body, trailers. Half a body must not look whole: then the response is not finished,
// and breaks off, but for one of gRPC that is cut here (grpc.go), and one of events (events.go).
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
	if err != nil && !x.endGRPC(answer) && !x.endEvents(answer) {
		x.door.log.Debug().Err(err).Str("request_id", x.id).Msg("passing on a response")
	}
}

// copyBody passes the body on as it comes: at once, unless that is the end of it. What the client takes from the application by
// itself is not read here.
func (x *exchange) copyBody(answer *http1.Answer) error {
	if answer.Body == nil {
		return nil
	}
	if passed, err := x.passBody(answer); err != nil || passed == answer.Length {
		return err
	}
	return x.copyThrough(answer)
}

// passBody tells how many bytes were passed on. An error is of the client.
func (x *exchange) passBody(answer *http1.Answer) (int64, error) {
	to, ok := x.w.Client.(http1.Passer)
	if !ok {
		return 0, nil
	}
	n, err := to.Pass(answer.Body, x.came)
	x.w.bytes += n
	return n, err
}

func (x *exchange) copyThrough(answer *http1.Answer) error {
	if answer.Length < 0 && !begun(answer.Body) { // the header goes first: the body may be long in coming
		if err := x.w.Flush(); err != nil {
			return err
		}
	}
	rooms := &x.door.rooms
	room := rooms.Get(answer.Length)
	for {
		n, err := answer.Body.Read(room)
		x.alive()
		if n > 0 {
			if _, err := x.w.Write(room[:n]); err != nil {
				return err
			}
		}
		if err == nil {
			err = x.w.Flush()
		}
		switch {
		case err == io.EOF: // else HTTP/2 may still be about to send what is in the room, and nobody else's data are to be there by then
			rooms.Put(room)
			return nil
		case err != nil && answer.Length < 0:
			return errors.Join(err, x.w.Flush()) // an answer that breaks off at once is one that began
		case err != nil:
			return err
		}
		room = rooms.After(room, n)
	}
}

// begun tells whether some of a body has come.
func begun(b http1.Body) bool {
	h, ok := b.(http1.Holding)
	return ok && h.Held() > 0
}

func (x *exchange) finish(answer *http1.Answer) error {
	if answer.Body == nil {
		return x.w.Finish(nil)
	}
	return x.w.Finish(x.door.beside(answer.Body.Trailers(), x.ask))
}
