package policy

import "time"

// Kept is what AppendRecordApart writes of an Input, for later: most records tell of little, all of which stays as it is, and
// many together are written for less than each by itself. It holds on to the texts of the request. The zero Kept has none.
type Kept struct {
	now           time.Time
	caller        *caller // nil: nobody
	request       Request // its Header is nil, or one without fields
	headers       []byte  // what is written of the header where policies read it: it does not stay
	authenticated bool
	data          bool // there is some, of which nothing is written
}

// maxHeaders is how many bytes of room for header fields Forget leaves.
const maxHeaders = 1 << 10

// Keepable tells whether what these policies decide on can be kept: not where they read data.
func (s *Set) Keepable(names ...string) bool { return s != nil && !s.asksData(names) }

// Keep keeps of in what its record tells, for policies that Keepable allows; false when it tells of more than Kept holds: of a
// user that was not written down lately, of a certificate, a workload or a service.
func (s *Set) Keep(k *Kept, in *Input) bool {
	known := s.callers.find(in)
	if known == nil && !in.nobody() || !in.noMachine() {
		return false
	}
	k.now, k.caller, k.request, k.headers = in.Now, known, in.Request, k.headers[:0]
	switch {
	case in.Request.Header == nil:
	case len(s.reads.fields) == 0:
		k.request.Header = Headers(nil)
	default:
		k.request.Header, k.headers = nil, s.reads.appendHeaders(k.headers[:0], in.Request.Header)
	}
	k.authenticated, k.data = in.Authenticated, in.Data != nil
	return true
}

// AppendKept is AppendRecordApart of what was kept.
func (s *Set) AppendKept(dst []byte, k *Kept) (out []byte, at int, caller []byte) {
	dst = s.appendTop(dst, k.authenticated, k.now)
	if k.data {
		dst = append(dst, `,"data":{}`...)
	}
	at = len(dst)
	if k.caller != nil {
		caller = k.caller.text
	}
	return append(s.appendRequest(dst, &k.request, k.headers), '}'), at, caller
}

// Forget makes it the zero Kept, but for room to keep the next in.
func (k *Kept) Forget() {
	room := k.headers[:0]
	if cap(room) > maxHeaders {
		room = nil
	}
	*k = Kept{headers: room}
}

// Now is the instant that was decided at.
func (k *Kept) Now() time.Time { return k.now }

// nobody tells whether nothing is known of a user.
func (in *Input) nobody() bool { return in.User.is(new(User)) && in.Session.is(new(Session)) }

// noMachine tells whether nothing is known of what is not a person.
func (in *Input) noMachine() bool {
	c, w := &in.Certificate, &in.Workload
	return !c.Present && !c.Valid && c.Fingerprint == "" && c.SPKI == "" && c.Subject == "" && c.Issuer == "" &&
		c.SANDNS == nil && c.SANEmail == nil && c.SANURI == nil &&
		w.Issuer == "" && w.Subject == "" && w.Claims == nil && in.Service == Service{}
}
