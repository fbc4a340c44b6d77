package http3

import (
	"net/http"
	"strings"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/http3/qlog"
	"github.com/quic-go/quic-go/qlogwriter"

	"picket/node/proxy/http1"
)

// fields looks at the field sections of one connection as they came. quic-go makes a request of each that is well formed, as it
// reads the RFC, and says nothing of the scheme then, nor of how often a length was said. Of what it read it tells in its trace,
// right before it has the request handled: that is what is listened to here.
type fields struct {
	junk rate

	mu     sync.Mutex
	wrong  map[quic.StreamID]*http1.Malformed // guarded by mu: of requests that are to be refused
	excess func(why string)                   // guarded by mu: is told of more than anybody needs; nil: nobody is yet
}

// mostWrong is how many requests of a connection may be malformed for us, and for quic-go as well, which then has them handled by nobody.
const mostWrong = 1000

// RecordEvent is told of each frame, by whoever reads it.
func (f *fields) RecordEvent(event qlogwriter.Event) {
	frame, ok := event.(qlog.FrameParsed)
	if !ok {
		return
	}
	f.countFrame(frame)
	section, ok := frame.Frame.Frame.(qlog.HeadersFrame)
	if !ok {
		return
	}
	if all := section.HeaderFields; len(all) == 0 || !strings.HasPrefix(all[0].Name, ":") {
		return // it stands behind a body; a request would be refused by quic-go
	}
	if m := look(section.HeaderFields); m != nil {
		f.note(frame.StreamID, m)
	}
}

// tooMuch tells of it, once.
func (f *fields) tooMuch(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.excess != nil {
		f.excess(why)
		f.excess = nil
	}
}

// note notes that a request is to be refused.
func (f *fields) note(stream quic.StreamID, m *http1.Malformed) {
	f.mu.Lock()
	if f.wrong == nil {
		f.wrong = map[quic.StreamID]*http1.Malformed{}
	}
	room := len(f.wrong) < mostWrong
	if room {
		f.wrong[stream] = m
	}
	f.mu.Unlock()
	if !room {
		f.tooMuch("too many malformed requests")
	}
}

// Close has nothing to close.
func (f *fields) Close() error { return nil }

// tell has somebody told of what is too much.
func (f *fields) tell(excess func(why string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.excess = excess
}

// of tells, once, what is wrong with the request of a stream; nil: nothing.
func (f *fields) of(stream quic.StreamID) *http1.Malformed {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.wrong[stream]
	delete(f.wrong, stream)
	return m
}

// look looks for what quic-go lets pass of a request, and RFC 9114, sections 4.2 and 4.3.1, and RFC 9110, section 8.6, do not. A request
// for http may well be meant so, but not for this connection (RFC 9110, section 7.4).
func look(section []qlog.HeaderField) *http1.Malformed {
	var head struct {
		method, scheme, protocol string
		length                   int64
	}
	head.length = -1
	for _, field := range section {
		wrong := false
		switch v := field.Value; field.Name {
		case ":method":
			head.method, wrong = v, !http1.ValidMethod(v)
		case ":scheme":
			head.scheme = v
		case ":protocol":
			head.protocol = v
		case ":path", ":authority", "host":
			wrong = !http1.ValidTarget(v)
		case "content-length":
			n, ok := http1.ParseLength(v)
			wrong, head.length = !ok || head.length >= 0, n
		default:
			wrong = v != "" && (isBlank(v[0]) || isBlank(v[len(v)-1]))
		}
		if wrong {
			return malformed("a field is malformed, or said twice: " + known(field.Name))
		}
	}
	tunnel := head.method == http.MethodConnect && head.protocol == ""
	switch {
	case head.method == "" || tunnel && head.length <= 0 && head.scheme == "":
		return nil
	case tunnel:
		return malformed("a CONNECT request has no scheme, and no content")
	case head.scheme == "http":
		return &http1.Malformed{Status: http.StatusMisdirectedRequest, Reason: "it is for http, and came over TLS"}
	case head.scheme != "https":
		return malformed("its scheme is not https")
	}
	return nil
}

func malformed(why string) *http1.Malformed {
	return &http1.Malformed{Status: http.StatusBadRequest, Reason: why}
}

// known is a name that is not the client's to choose.
func known(name string) string {
	switch name {
	case ":method", ":path", ":authority", "host", "content-length":
		return name
	}
	return "another"
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// refuse answers a request that no handler sees. One that is malformed has its stream reset (RFC 9114, section 4.1.2).
func (h *handler) refuse(w http.ResponseWriter, q *peer, m *http1.Malformed) {
	if h.options.Refused != nil {
		h.options.Refused(q.conn.RemoteAddr().String(), m)
	}
	streamer, ok := w.(http3.HTTPStreamer)
	if m.Status != http.StatusBadRequest || !ok {
		w.WriteHeader(m.Status)
		return
	}
	stream, err := streamer.HTTPStream()
	if err != nil {
		panic(http.ErrAbortHandler) // it is gone
	}
	stream.CancelRead(quic.StreamErrorCode(http3.ErrCodeMessageError))
	stream.CancelWrite(quic.StreamErrorCode(http3.ErrCodeMessageError))
}
