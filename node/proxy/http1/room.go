package http1

import "sync"

// What is lent to copy bodies, in bytes. Fewer and larger system calls cost less, but what waits for one holds what it reads into.
const (
	smallRoom = 8 << 10
	roomyRoom = 32 << 10
	largeRoom = 128 << 10
)

// Rooms lends room to copy bodies. The zero Rooms is ready.
type Rooms struct{ small, roomy, large sync.Pool }

// Get lends room for a body that has so many bytes to come. Below zero that is not known, and it begins with little.
func (r *Rooms) Get(left int64) []byte {
	switch {
	case left <= smallRoom:
		if b, ok := r.small.Get().(*[smallRoom]byte); ok {
			return b[:]
		}
		return make([]byte, smallRoom)
	case left <= roomyRoom:
		if b, ok := r.roomy.Get().(*[roomyRoom]byte); ok {
			return b[:]
		}
		return make([]byte, roomyRoom)
	}
	if b, ok := r.large.Get().(*[largeRoom]byte); ok {
		return b[:]
	}
	return make([]byte, largeRoom)
}

// After gives more room for the same body when so many bytes were read at once that there may be more, and takes the other back.
func (r *Rooms) After(b []byte, n int) []byte {
	if n < len(b) || len(b) == largeRoom {
		return b
	}
	r.Put(b)
	return r.Get(int64(len(b)) + 1)
}

// Put takes room back.
func (r *Rooms) Put(b []byte) {
	switch len(b) {
	case smallRoom:
		r.small.Put((*[smallRoom]byte)(b))
	case roomyRoom:
		r.roomy.Put((*[roomyRoom]byte)(b))
	case largeRoom:
		r.large.Put((*[largeRoom]byte)(b))
	}
}
