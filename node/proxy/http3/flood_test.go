package http3

import (
	"bytes"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/qlog"
)

// control begins a control stream (RFC 9114, section 6.2.1), and says nothing of the client.
func (w *world) control(conn *quic.Conn) *quic.SendStream {
	w.t.Helper()
	s, err := conn.OpenUniStreamSync(w.ctx)
	w.must(err)
	_, err = s.Write([]byte{0, 4, 0})
	w.must(err)
	return s
}

func TestAClientThatSendsWhatCarriesNothingIsCutOff(t *testing.T) {
	times := func(frame []byte) []byte { return bytes.Repeat(frame, 100) }
	for what, send := range map[string]func(w *world, conn *quic.Conn) (more func() error){
		"priorities": func(w *world, conn *quic.Conn) func() error {
			s := w.control(conn)
			return func() error { _, err := s.Write(times([]byte{0x80, 0x0f, 0x07, 0x00, 1, 0})); return err }
		},
		"pushes that nobody makes": func(w *world, conn *quic.Conn) func() error {
			s := w.control(conn)
			return func() error { _, err := s.Write(times([]byte{0x0d, 1, 0})); return err }
		},
		"frames of no known type, before a head": func(w *world, conn *quic.Conn) func() error {
			s := w.stream(conn)
			return func() error { _, err := s.Write(times([]byte{0x21, 0})); return err }
		},
		"empty pieces of a body": func(w *world, conn *quic.Conn) func() error {
			s := w.stream(conn, frame(headers, asking("x-read", "1")))
			return func() error { _, err := s.Write(times([]byte{data, 0})); return err }
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, Options{Handler: stuck(t), HeaderTimeout: 5 * time.Minute})
			conn := w.connect()
			more := send(w, conn)
			for conn.Context().Err() == nil && w.ctx.Err() == nil {
				if more() != nil {
					break
				}
			}
			if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
				t.Errorf("the connection ended with %s", got)
			}
		})
	}
}

// got is a packet from the client.
func got(h *heads, frames ...any) {
	var all []qlog.Frame
	for _, f := range frames {
		all = append(all, qlog.Frame{Frame: f})
	}
	h.RecordEvent(qlog.PacketReceived{Frames: all})
}

// flooded is what the trace of a connection is told, and whether it was too much that carries nothing.
func flooded(t *testing.T) (h *heads, much *bool) {
	h, much = traced(t)
	h.tell(nil, nil, func() { *much = true })
	return h, much
}

func TestFramesOfQUICThatCarryNothingCount(t *testing.T) {
	for what, frame := range map[string]any{
		"pings": &qlog.PingFrame{}, "challenges": &qlog.PathChallengeFrame{}, "answers to none": &qlog.PathResponseFrame{},
		"more streams than there are": &qlog.MaxStreamsFrame{}, "more room": &qlog.MaxDataFrame{}, "more room of a stream": &qlog.MaxStreamDataFrame{},
		"streams that are wanted": &qlog.StreamsBlockedFrame{}, "room that is wanted": &qlog.DataBlockedFrame{},
		"room of a stream that is wanted": &qlog.StreamDataBlockedFrame{}, "names": &qlog.NewConnectionIDFrame{},
		"names that are given back": &qlog.RetireConnectionIDFrame{}, "answers that are not wanted": &qlog.StopSendingFrame{},
		"streams that are taken back": &qlog.ResetStreamFrame{}, "pieces of the handshake": &qlog.CryptoFrame{},
		"empty pieces": &qlog.StreamFrame{}, "empty datagrams": &qlog.DatagramFrame{},
	} {
		h, much := flooded(t)
		for range junkMost {
			got(h, &qlog.AckFrame{}, frame)
		}
		for range 100 * junkRate { // as fast as may be: some is forgotten meanwhile
			got(h, frame)
		}
		if !*much {
			t.Errorf("%s do not count", what)
		}
	}
}

func TestWhatAnExchangeCallsForIsNotTooMuch(t *testing.T) {
	h, much := flooded(t)
	for n := range int64(50 * junkMost) {
		h.RecordEvent(qlog.PacketSent{Frames: []qlog.Frame{{Frame: &qlog.StreamFrame{Length: 1200}}}})
		got(h, &qlog.AckFrame{}, &qlog.MaxDataFrame{}, &qlog.MaxStreamDataFrame{})
		got(h, &qlog.StreamFrame{Offset: n, Length: 1}, &qlog.DatagramFrame{Length: 40})
		h.waste.read(0)
	}
	if *much {
		t.Error("a client that does what it should is cut off")
	}
}
