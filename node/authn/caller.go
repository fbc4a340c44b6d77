package authn

import "picket/policy"

// Answer is what the store said about a cookie. The zero Answer is Unknown: nobody is admitted, and nobody signed out.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota // could not tell; Caller.Doubt says what is to blame
	Absent                // nobody: no session, or not one that holds here
	Found                 // somebody
	Locked                // somebody who is locked out: Caller.Lock bars them
)

// String is "unknown", "absent", "found" or "locked".
func (a Answer) String() string {
	switch a {
	case Absent:
		return "absent"
	case Found:
		return "found"
	case Locked:
		return "locked"
	}
	return "unknown"
}

// Doubt is what could not tell, when the answer is Unknown. The zero Doubt is of the store.
type Doubt uint8

// The doubts.
const (
	StoreSilent    Doubt = iota // the store is unavailable, or this node is not fresh
	ProviderSilent              // the session is there; its tokens have run out, and its provider has not renewed them
)

// Caller is who is asking. The zero Caller is nobody. What it points to is shared: read only.
type Caller struct {
	Session *Session
	User    *User
	Groups  *Groups
	Lock    *Lock // nil: none bars the caller
	Doubt   Doubt // for the answer Unknown only

	by *admission // that it was told by; nil: it was found out anew
}

// Known tells whether the caller is somebody who is not locked out.
func (c Caller) Known() bool { return c.named() && c.Lock == nil }

// named tells whether the caller is somebody.
func (c Caller) named() bool { return c.Session != nil && c.User != nil && c.Groups != nil }

// Fill sets what a policy sees of the caller. It allocates nothing.
func (c Caller) Fill(in *policy.Input) {
	if !c.Known() {
		in.Authenticated, in.User, in.Session = false, policy.User{}, policy.Session{}
		return
	}
	in.Authenticated = true
	u := &in.User // field by field: a struct made whole would be copied
	u.ID, u.Email, u.EmailVerified, u.Name = c.User.ID, c.User.Email, c.User.EmailVerified, c.User.Name
	u.Groups, u.Claims, u.Identity = c.Groups.Names, c.User.Claims, c.Session.Identity
	s := &in.Session
	s.ID, s.Begun, s.Authenticated = c.Session.ID, c.Session.Begun, c.Session.Authenticated
	s.ACR, s.AMR, s.Identity, s.Device = c.Session.ACR, c.Session.AMR, c.Session.Identity, c.Session.Device
}
