package proxy

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"picket/node/proxy/http1"
)

// late is a client to which nothing is sent any more, but which still has what it was to be sent: so net/http has it over HTTP/2.
type late struct {
	http1.Client
	kept []byte
}

func (l *late) Write(p []byte) (int, error) {
	l.kept = p
	return 0, errors.New("the stream is closed")
}

type wholeBody struct{ io.Reader }

func (wholeBody) Close() error           { return nil }
func (wholeBody) Trailers() http1.Fields { return nil }

func TestABufferThatAClientMayStillHaveIsNotLentAgain(t *testing.T) {
	door := &Door{buffers: newBuffers()}
	client := &late{}
	x := &exchange{door: door, ask: &ask{w: recorder{Client: client}}}
	body := bytes.Repeat([]byte("a"), 8<<10)
	if err := x.copyBody(&http1.Answer{Length: int64(len(body)), Body: wholeBody{bytes.NewReader(body)}}); err == nil {
		t.Fatal("it was written")
	}
	for range 10 {
		for i, next := 0, door.buffers.Get(); i < len(next); i++ {
			next[i] = 'b' // of somebody else
		}
	}
	if !bytes.Equal(client.kept, body) {
		t.Error("what a client was to be sent was written over by another request's")
	}
}
