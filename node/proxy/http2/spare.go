package http2

import (
	"sync"

	"picket/node/proxy/http1"
)

// What a stream may bring along for the request that it serves next.
const (
	mostSpareFields = 32
	mostSpareHead   = 2 << 10
)

// streams are those that are over, to be used again: their memory is still in the processor's caches. The zero streams is ready.
type streams struct{ pool sync.Pool }

// get gives one of which nothing is known. It may bring room along, for the fields of the next request and the header of its response.
func (p *streams) get() *Stream {
	if s, ok := p.pool.Get().(*Stream); ok {
		return s
	}
	return &Stream{}
}

// put takes one back when its handler has returned, unless somebody may hold it: who has reset it may be about to end its life, a
// client that had not sent all may still be heard, and a body is read by others than the handler. well: nobody has ended it before.
func (p *streams) put(s *Stream, well bool) {
	if !well || !s.finished || !s.whole || s.request.Body != nil || s.request.Life.Kept() {
		return
	}
	var fields http1.Fields
	if all := s.request.Fields[:cap(s.request.Fields)]; 0 < len(all) && len(all) <= mostSpareFields {
		clear(all)
		fields = all[:0]
	}
	room := s.used
	if cap(room) > mostSpareHead {
		room = nil
	}
	*s = Stream{headRoom: room}
	s.request.Fields = fields
	p.pool.Put(s)
}
