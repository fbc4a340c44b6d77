package http3

import (
	"sync"

	"github.com/quic-go/quic-go"
)

// waste is how much memory the streams of one connection take beside the bytes that flow control counts. quic-go keeps each piece of a
// stream by itself until it is read, and one of a single byte takes as much as hundreds. It does not tell when it is read; but where it
// lets the client send more, what came before was.
type waste struct {
	most int // bytes

	mu   sync.Mutex
	of   map[quic.StreamID]wasted // guarded by mu: streams of which something may be kept
	all  int                      // guarded by mu: bytes, of all of them
	much func()                   // guarded by mu: is told of too much, and does not wait; nil: nobody is yet
}

type wasted struct {
	bytes  int
	served bool // it has brought a request, which is being handled
}

const (
	// mostWaste is how much of it a connection may have, in bytes: half as much again as its whole window takes in pieces of 400 bytes,
	// and 200,000 pieces of a byte each.
	mostWaste = 32 << 20
	// smallPiece is how long a piece is at least that quic-go keeps in the room of a packet, and packetRoom how large that is.
	smallPiece = 128
	packetRoom = 1452
	// pieceRoom is what keeping one takes by itself.
	pieceRoom = 160
)

// open notes a stream.
func (w *waste) open(id quic.StreamID, served bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[quic.StreamID]wasted{}
	}
	w.of[id] = wasted{served: served}
}

// piece counts one.
func (w *waste) piece(id quic.StreamID, length int64) {
	room := pieceRoom
	if length >= smallPiece {
		room += packetRoom - int(length)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s, is := w.of[id]
	if !is {
		return // nothing is kept of it any more
	}
	s.bytes += room
	w.of[id] = s
	if w.all += room; w.all > w.most && w.much != nil {
		w.much()
		w.much = nil // it was
	}
}

// read notes that what came of a stream was read.
func (w *waste) read(id quic.StreamID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, is := w.of[id]; is {
		w.all -= s.bytes
		s.bytes = 0
		w.of[id] = s
	}
}

// serve notes that a stream has brought a request.
func (w *waste) serve(id quic.StreamID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, is := w.of[id]; is {
		s.served = true
		w.of[id] = s
	}
}

// over forgets a stream of which nothing is kept any more.
func (w *waste) over(id quic.StreamID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all -= w.of[id].bytes
	delete(w.of, id)
}

// ended forgets one that has ended, unless what it brought may still be read.
func (w *waste) ended(id quic.StreamID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.of[id]; !s.served {
		w.all -= s.bytes
		delete(w.of, id)
	}
}

// tell has somebody told of too much.
func (w *waste) tell(much func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.much = much
}
