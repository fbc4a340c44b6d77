package http3

import (
	"context"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// heads are the streams of one connection whose requests have not come yet. quic-go reads a head by itself, for as long as it takes, and
// tells of a request only when it has all of it. Of the streams it tells in its trace (qlog): that is what is listened to here.
type heads struct {
	most  int           // streams that a client may open at once
	limit time.Duration // for a head to come

	mu      sync.Mutex
	late    func()                 // guarded by mu: is told of a head that has not come in time; nil: nobody is yet
	flood   func()                 // guarded by mu: is told of too many frames that carry nothing, and does not wait; nil: nobody is yet
	extra   func()                 // guarded by mu: is told of each unidirectional stream beyond those that HTTP/3 has a use for, and does not wait; nil: nobody is yet
	next    quic.StreamID          // guarded by mu: the first that the client has not opened
	uni     quic.StreamID          // guarded by mu: the same, of those in one direction
	waiting map[quic.StreamID]head // guarded by mu
	early   map[quic.StreamID]bool // guarded by mu: streams that brought a request before the trace tells of them; true: it was handled
	timer   *time.Timer            // guarded by mu; nil: nothing was ever waited for
	runs    bool                   // guarded by mu: the timer does
	over    bool                   // guarded by mu: the connection has ended
	client  moves
	fields  fields
	waste   waste
	junk    rate
}

// head is one that has not come.
type head struct {
	since    time.Time
	unwanted bool // the client takes no answer
}

// trace is the trace of each connection.
func (o *Options) trace(context.Context, bool, quic.ConnectionID) qlogwriter.Trace {
	return &heads{
		most: o.Streams, limit: o.HeaderTimeout, uni: firstUni, waiting: map[quic.StreamID]head{}, early: map[quic.StreamID]bool{},
		waste: waste{most: o.waste}, junk: rate{most: junkMost, each: junkRate}, fields: fields{junk: rate{most: junkMost, each: junkRate}},
	}
}

// Streams that a client opens are numbered so (RFC 9000, section 2.1).
const (
	streamKinds = 4
	firstUni    = 2
)

// SupportsSchemas tells that nothing is wanted beyond what is told to those that AddProducer gives.
func (h *heads) SupportsSchemas(string) bool { return false }

// AddProducer gives QUIC where to write. HTTP/3 asks later, and writes elsewhere.
func (h *heads) AddProducer() qlogwriter.Recorder {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		return &h.fields
	}
	h.timer = time.AfterFunc(time.Hour, h.look)
	h.timer.Stop()
	return h
}

// Close is the end of the connection.
func (h *heads) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	h.timer.Stop()
	return nil
}

// RecordEvent is told of each packet, by one goroutine.
func (h *heads) RecordEvent(event qlogwriter.Event) {
	switch packet := event.(type) {
	case qlog.PacketReceived:
		for _, f := range packet.Frames {
			h.heard(f.Frame)
		}
		h.countJunk(packet.Frames)
	case qlog.PacketSent:
		for _, f := range packet.Frames {
			h.said(f.Frame)
		}
		h.earnJunk(packet.Frames)
	default:
		h.client.heard(event)
	}
}

// heard is told of each frame from the client. All that names a stream opens it, and those before it.
func (h *heads) heard(frame any) {
	switch f := frame.(type) {
	case *qlog.StreamFrame:
		h.opened(f.StreamID)
		h.waste.piece(f.StreamID, f.Length)
	case *qlog.ResetStreamFrame:
		h.opened(f.StreamID)
		h.settle(f.StreamID)
		h.waste.ended(f.StreamID)
	case *qlog.StopSendingFrame:
		h.opened(f.StreamID)
		h.refused(f.StreamID)
	case *qlog.StreamDataBlockedFrame:
		h.opened(f.StreamID)
	case *qlog.MaxStreamDataFrame:
		h.opened(f.StreamID)
	}
}

// said is told of each frame to the client: a stream that is answered, or refused, or whose end is taken note of, is waited for no more.
// Where the client takes no answer a reset says nothing of that: it is QUIC's own (RFC 9000, section 3.5).
func (h *heads) said(frame any) {
	switch f := frame.(type) {
	case *qlog.StreamFrame:
		h.settle(f.StreamID)
		if f.Fin {
			h.waste.ended(f.StreamID)
		}
	case *qlog.StopSendingFrame:
		h.settle(f.StreamID)
		h.waste.over(f.StreamID)
	case *qlog.MaxStreamDataFrame:
		h.waste.read(f.StreamID)
	case *qlog.ResetStreamFrame:
		h.reset(f.StreamID)
	}
}

// opened notes that a stream is there. The trace also tells of one that the client may not open: then the connection is about to end.
func (h *heads) opened(id quic.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch id % streamKinds {
	case 0:
		if id >= h.next+quic.StreamID(h.most*streamKinds) {
			return
		}
		for ; h.next <= id; h.next += streamKinds {
			h.await(h.next)
		}
	case firstUni:
		if id < h.uni || id >= h.uni+uniStreams*streamKinds {
			return
		}
		for ; h.uni <= id; h.uni += streamKinds {
			h.waste.open(h.uni, false)
			if h.uni >= uniStreams*streamKinds && h.extra != nil {
				h.extra()
			}
		}
	}
}

// await waits for the head of a stream, unless it was there at once. The timer goes on from one stream to the next.
func (h *heads) await(id quic.StreamID) {
	if handled, was := h.early[id]; was {
		delete(h.early, id)
		if !handled {
			h.waste.open(id, true)
		}
		return
	}
	h.waste.open(id, false)
	h.waiting[id] = head{since: time.Now()}
	if !h.runs && !h.over {
		h.runs = true
		h.timer.Reset(h.limit)
	}
}

// refused notes that a client takes no answer on a stream.
func (h *heads) refused(id quic.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, was := h.waiting[id]; was {
		h.waiting[id] = head{since: h.waiting[id].since, unwanted: true}
	}
}

// reset notes that the answer on a stream was reset.
func (h *heads) reset(id quic.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.waiting[id].unwanted {
		delete(h.waiting, id)
		h.waste.ended(id)
	}
}

// settle forgets a stream: something was said on it, or nothing more comes.
func (h *heads) settle(id quic.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, id)
}

// came notes that a stream brought a request.
func (h *heads) came(id quic.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id >= h.next {
		h.early[id] = false
		return
	}
	delete(h.waiting, id)
	h.waste.serve(id)
}

// handled notes that the request of a stream was handled.
func (h *heads) handled(id quic.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id >= h.next {
		h.early[id] = true
		return
	}
	h.waste.over(id)
}

// tell has somebody told of what is wrong. The connection was there before they were.
func (h *heads) tell(late, extra, flood func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.late, h.extra, h.flood = late, extra, flood
}

// look looks whether a head is late.
func (h *heads) look() {
	if late := h.overdue(); late != nil {
		late() // ends the connection, and so its trace
	}
}

// overdue gives whom to tell that a head is late; nil: none is, and it is looked again when one may be.
func (h *heads) overdue() (late func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs = false
	if len(h.waiting) == 0 || h.over {
		return nil
	}
	left := h.limit
	for _, one := range h.waiting {
		left = min(left, h.limit-time.Since(one.since))
	}
	if left <= 0 && h.late != nil {
		return h.late
	}
	if left <= 0 {
		left = h.limit
	}
	h.runs = true
	h.timer.Reset(left)
	return nil
}
