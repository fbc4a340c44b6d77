package http2

import "slices"

// mostReset is how many streams that were reset from here a connection remembers one by one.
const mostReset = 64

// resetStreams are those that were reset from here while the client had not ended them: of these frames may still be on their way,
// and are passed over (RFC 9113, section 5.1, "closed"). Of a stream up to forgotten it is not known any more; it counts as one, since
// what is passed over does no harm, and ending the connection of a client that did no wrong does.
type resetStreams struct {
	ids       []uint32
	forgotten uint32
}

func (r *resetStreams) add(id uint32) {
	if len(r.ids) == mostReset {
		lowest := slices.Min(r.ids)
		r.forgotten = max(r.forgotten, lowest)
		r.remove(lowest)
	}
	r.ids = append(r.ids, id)
}

// remove is for a stream of which nothing can come any more.
func (r *resetStreams) remove(id uint32) {
	if i := slices.Index(r.ids, id); i >= 0 {
		r.ids = slices.Delete(r.ids, i, i+1)
	}
}

func (r *resetStreams) has(id uint32) bool { return id <= r.forgotten || slices.Contains(r.ids, id) }

// passesOver tells whether what comes of a stream that is not open is no mistake of the client: it was reset from here, or never
// served since the client came with it after it had been told which was the last. c.mu is held.
func (c *conn) passesOver(stream uint32) bool { return stream > c.last || c.reset.has(stream) }
