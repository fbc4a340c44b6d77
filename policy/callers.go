package policy

import (
	"hash/maphash"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"unsafe"
)

const (
	callerPlaces = 4096    // sessions whose text is kept; some share a place
	callerSize   = 2 << 10 // bytes, of the longest text that is kept
	callerYields = 8       // a place is given to another session in one of so many cases
)

// callers keeps what was last written of users and their sessions, since the next requests of a session say the same of
// them. What is the same is told by where it is, as what an Input holds never changes.
type callers struct {
	seed   maphash.Seed
	places []atomic.Pointer[caller] // by the session's id
}

// caller is a user and a session, and how they are written. It never changes.
type caller struct {
	user    User
	session Session
	text    []byte
}

func newCallers() *callers {
	return &callers{seed: maphash.MakeSeed(), places: make([]atomic.Pointer[caller], callerPlaces)}
}

// find gives the user and the session of an input as they were written, when that is kept; nil: it is not.
func (c *callers) find(in *Input) *caller {
	if in.Session.ID == "" {
		return nil
	}
	if known := c.place(in).Load(); known.is(in) {
		return known
	}
	return nil
}

// known is how they are written.
func (c *callers) known(in *Input) []byte {
	if known := c.find(in); known != nil {
		return known.text
	}
	return nil
}

// append writes the user and the session of an input, and may keep that.
func (c *callers) append(dst []byte, in *Input) []byte {
	begin := len(dst)
	dst = in.appendCaller(dst)
	text := dst[begin:]
	if in.Session.ID == "" || len(text) > callerSize {
		return dst
	}
	if place := c.place(in); place.Load() == nil || rand.Uint32N(callerYields) == 0 {
		place.Store(&caller{user: in.User, session: in.Session, text: slices.Clone(text)})
	}
	return dst
}

// place is where a session has its place.
func (c *callers) place(in *Input) *atomic.Pointer[caller] {
	return &c.places[maphash.String(c.seed, in.Session.ID)%callerPlaces]
}

// is tells whether these are the user and the session of an input. Texts are compared, lists and claims told by where they are.
func (c *caller) is(in *Input) bool {
	return c != nil && c.user.is(&in.User) && c.session.is(&in.Session)
}

func (u *User) is(other *User) bool {
	return u.ID == other.ID && u.Email == other.Email && u.EmailVerified == other.EmailVerified && u.Name == other.Name &&
		u.Identity == other.Identity && sameList(u.Groups, other.Groups) &&
		reflect.ValueOf(u.Claims).UnsafePointer() == reflect.ValueOf(other.Claims).UnsafePointer()
}

func (s *Session) is(other *Session) bool {
	return s.ID == other.ID && s.Begun == other.Begun && s.Authenticated == other.Authenticated && s.ACR == other.ACR &&
		s.Identity == other.Identity && s.Device == other.Device && sameList(s.AMR, other.AMR)
}

// sameList tells whether two lists are one.
func sameList(a, b []string) bool {
	return len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b)
}
