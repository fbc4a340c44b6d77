package policy

import (
	"sync"
	"unsafe"
)

const (
	maxLoops = 8        // how deep for expressions may stand in one another
	maxBytes = 64 << 10 // room for texts that a frame keeps for its next use
	maxItems = 4 << 10  // room for list items that it keeps
)

// frame is what one evaluation reads and writes: its input, and room for the texts and lists that it makes. Room is
// used again by later evaluations, so nothing made here may outlive the evaluation.
//
// Texts are only ever appended. Lists are a stack: who builds a list drops what its parts have put above it.
type frame struct {
	in    *Input
	token string // the access token; "": there is none, or nobody may ask
	bytes []byte
	items []string
	loops [maxLoops]loop

	unclear bool // something was asked for that is there, but can be read in two ways
}

// loop is where a for expression stands.
type loop struct {
	text  string // the item of a list of texts
	value any    // the item of a claim; nil: it is null
	index int
}

// newFrame is a frame for what does not depend on an input.
func newFrame() *frame { return &frame{in: new(Input)} }

// used tells whether texts or lists were made in the frame.
func (f *frame) used() bool { return len(f.bytes) > 0 || len(f.items) > 0 }

// since is the text written from start on. No byte of it changes before the frame is used again: bytes are appended,
// and growing leaves the old array to the texts that lie in it.
func (f *frame) since(start int) string {
	made := f.bytes[start:]
	return unsafe.String(unsafe.SliceData(made), len(made))
}

// join writes the items, with sep between them.
func (f *frame) join(items []string, sep string) string {
	start := len(f.bytes)
	for i, item := range items {
		if i > 0 {
			f.bytes = append(f.bytes, sep...)
		}
		f.bytes = append(f.bytes, item...)
	}
	return f.since(start)
}

// list is the list of the items from start on.
func (f *frame) list(start int) []string { return f.items[start:len(f.items):len(f.items)] }

// frames lends frames. The zero frames is ready.
type frames struct{ pool sync.Pool }

func (p *frames) lend(in *Input) *frame {
	f, ok := p.pool.Get().(*frame)
	if !ok {
		f = new(frame)
	}
	f.in = in
	return f
}

// takeBack forgets what the frame holds of a request.
func (p *frames) takeBack(f *frame) {
	if cap(f.bytes) > maxBytes || cap(f.items) > maxItems {
		return
	}
	clear(f.items[:cap(f.items)])
	clear(f.loops[:])
	f.in, f.token, f.bytes, f.items, f.unclear = nil, "", f.bytes[:0], f.items[:0], false
	p.pool.Put(f)
}
