package proxy

import (
	"errors"

	"picket/node/authn"
	"picket/node/authz"
)

// What locks do at the door. A lock of an address bars whatever comes from there: routes for everyone and our own pages,
// signing in among them, but not signing out. Locks of a user, a group, a session or a device take from a caller what being
// somebody gives: on a route for everyone they are nobody.

// barred refuses what comes from an address that is locked; nil: it is not. It is the first step of admitting a request,
// whatever protocol it comes by, and stands before our own pages.
func barred(a *ask) *authz.Refusal {
	lock := a.rules.authn.AddressLock(a.client)
	if lock == nil || a.own && leaves(a.in.Request.Path) {
		return nil
	}
	return locked(a, lock)
}

// leaves tells whether a page of ours is one of signing out.
func leaves(path string) bool {
	return path == "/.picket/sign_out" || path == "/.picket/signed_out"
}

// locked is for whoever an operator has locked out. Why is for the log alone.
func locked(a *ask, lock *authn.Lock) *authz.Refusal {
	a.lock = lock
	f := authz.LockedOut()
	f.Route = a.routeName()
	return &f
}

// errLocked is why a request under way was ended when a lock came.
type errLocked struct{ lock *authn.Lock }

func (e errLocked) Error() string { return "access is locked" }

// barredBy is the lock that kept a request out, or ended it; nil: none did.
func (a *ask) barredBy() *authn.Lock {
	if a.ended == nil {
		return a.lock
	}
	var ended errLocked
	if errors.As(a.ended, &ended) {
		return ended.lock
	}
	return a.lock
}

// asker is who asked, for the log: also somebody who was not let in as such.
func (a *ask) asker() (user, email, session string) {
	if c := &a.caller; c.Lock != nil {
		return c.User.ID, c.User.Email, c.Session.ID
	}
	return a.in.User.ID, a.in.User.Email, a.in.Session.ID
}
