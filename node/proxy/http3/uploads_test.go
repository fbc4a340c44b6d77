package http3

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/qlog"
)

// stuck is a handler that reads the bodies of those who ask for more, and no others until the test ends.
func stuck(t *testing.T) http.Handler {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Read") == "" {
			select {
			case <-end:
			case <-r.Context().Done():
			}
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			w.WriteHeader(http.StatusTeapot)
		}
	})
}

const data = 0

func TestUploadsThatNobodyReadsHoldNoOtherUp(t *testing.T) {
	w := newWorld(t, Options{Handler: stuck(t)})
	_, conn := w.client()
	var sent atomic.Int64
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	for range 240 {
		s := w.stream(conn, frame(headers, asking()))
		all.Go(func() {
			piece := frame(data, make([]byte, 4<<10))
			for {
				n, err := s.Write(piece)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
	}
	for before := int64(-1); before < sent.Load(); {
		before = sent.Load()
		<-time.After(300 * time.Millisecond) // else less of the window is taken than may be
	}
	for range 3 {
		s := w.stream(conn, frame(headers, asking("x-read", "1")))
		all.Go(func() {
			_, _ = s.Write(frame(data, make([]byte, 1<<20)))
			_ = s.Close()
		})
		if got := w.answer(s); !bytes.Contains(got, status418) {
			t.Errorf("answered with %x", got)
		}
	}
	t.Logf("%d KiB were taken of those that nobody reads", sent.Load()>>10)
}

func TestABodyInTooManyPiecesIsNotKept(t *testing.T) {
	w := newWorld(t, Options{Handler: stuck(t), waste: 1 << 20})
	_, conn := w.client()
	var all []*quic.Stream
	for range 200 {
		all = append(all, w.stream(conn, frame(headers, asking()), []byte{data, 0x80, 1, 0, 0}))
	}
	tick := time.NewTicker(time.Millisecond) // else several bytes go in one piece
	defer tick.Stop()
	for conn.Context().Err() == nil {
		<-tick.C
		for _, s := range all {
			_ = s.SetWriteDeadline(time.Now().Add(time.Minute))
			_, _ = s.Write([]byte{0})
		}
	}
	if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
		t.Errorf("the connection ended with %s", got)
	}
}

// traced is what the trace of a connection is told, and whether it was too much.
func traced(t *testing.T) (h *heads, much *bool) {
	h = (&Options{Streams: 10, HeaderTimeout: time.Hour, waste: mostWaste}).trace(t.Context(), false, quic.ConnectionID{}).(*heads)
	h.AddProducer()
	much = new(bool)
	h.waste.tell(func() { *much = true })
	return h, much
}

// pieces tells it of pieces of a stream.
func pieces(h *heads, id quic.StreamID, n int, length int64) {
	for range n {
		h.RecordEvent(qlog.PacketReceived{Frames: []qlog.Frame{{Frame: &qlog.StreamFrame{StreamID: id, Length: length}}}})
	}
}

func tell(h *heads, frame any) { h.RecordEvent(qlog.PacketSent{Frames: []qlog.Frame{{Frame: frame}}}) }

const tooMany = mostWaste/pieceRoom + 1 // pieces

func TestPiecesOfEachStreamCount(t *testing.T) {
	for what, id := range map[string]quic.StreamID{"a request": 0, "the control stream": 2} {
		h, much := traced(t)
		pieces(h, id, tooMany-1, 1)
		if *much {
			t.Errorf("%s: fewer are too many than was said", what)
		}
		pieces(h, id, 1, 1)
		if !*much {
			t.Errorf("%s may come in any number of pieces", what)
		}
	}
	h, much := traced(t)
	pieces(h, 0, 1, 1)
	pieces(h, 4, tooMany-2, 1)
	if *much {
		t.Error("too many are fewer than was said")
	}
	pieces(h, 8, 1, 1)
	if !*much {
		t.Error("what several streams hold does not count together")
	}
}

// TestPiecesCountUntilTheyAreRead, or are kept no more.
func TestPiecesCountUntilTheyAreRead(t *testing.T) {
	for what, ends := range map[string]func(h *heads){
		"more may be sent":             func(h *heads) { tell(h, &qlog.MaxStreamDataFrame{StreamID: 0}) },
		"the client is to stop":        func(h *heads) { tell(h, &qlog.StopSendingFrame{StreamID: 0}) },
		"it is refused without a word": func(h *heads) { tell(h, &qlog.ResetStreamFrame{StreamID: 0}) },
		"it is refused with an answer": func(h *heads) { tell(h, &qlog.StreamFrame{StreamID: 0, Fin: true}) },
		"the request was handled":      func(h *heads) { h.came(0); h.handled(0) },
		"the client takes it back":     func(h *heads) { h.heard(&qlog.ResetStreamFrame{StreamID: 0}) },
		"the client takes it back twice": func(h *heads) {
			h.heard(&qlog.StopSendingFrame{StreamID: 0})
			h.heard(&qlog.ResetStreamFrame{StreamID: 0})
		},
	} {
		h, much := traced(t)
		pieces(h, 0, tooMany-1, 1)
		ends(h)
		pieces(h, 4, tooMany-1, 1)
		if *much || h.waste.all != (tooMany-1)*pieceRoom {
			t.Errorf("%s: %v, %d", what, *much, h.waste.all)
		}
	}
	for what, goesOn := range map[string]func(h *heads){
		"an answer begins":               func(h *heads) { tell(h, &qlog.StreamFrame{StreamID: 0}) },
		"an answer ends before its body": func(h *heads) { h.came(0); tell(h, &qlog.StreamFrame{StreamID: 0, Fin: true}) },
		"an answer is not wanted": func(h *heads) {
			h.heard(&qlog.StopSendingFrame{StreamID: 0})
			tell(h, &qlog.ResetStreamFrame{StreamID: 0}) // by QUIC itself
		},
		"what is handled is taken back": func(h *heads) { h.came(0); h.heard(&qlog.ResetStreamFrame{StreamID: 0}) },
	} {
		h, much := traced(t)
		pieces(h, 0, tooMany-1, 1)
		goesOn(h)
		pieces(h, 4, 1, 1)
		if !*much {
			t.Errorf("%s: what is kept does not count", what)
		}
	}
}

func TestAStreamThatWasHandledBeforeTheTraceTellsOfItIsForgotten(t *testing.T) {
	h, _ := traced(t)
	h.came(0)
	h.handled(0)
	h.came(4)
	pieces(h, 4, 1, 1)
	if _, is := h.waste.of[0]; is || len(h.early) > 0 {
		t.Errorf("%v, %v", h.waste.of, h.early)
	}
	h.handled(4)
	if len(h.waste.of) > 0 || h.waste.all != 0 {
		t.Errorf("%v is left, %d bytes", h.waste.of, h.waste.all)
	}
}

func TestAWindowFullOfLargePiecesIsNotTooMuch(t *testing.T) {
	h, much := traced(t)
	pieces(h, 0, connWindow/1200, 1200)
	pieces(h, 4, connWindow/400, 400)
	if *much {
		t.Errorf("%d bytes", h.waste.all)
	}
}
