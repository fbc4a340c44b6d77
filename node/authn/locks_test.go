package authn

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/broker"
)

// lock adds a lock.
func (w *world) lock(kind LockKind, target string, ttl time.Duration) Lock {
	w.t.Helper()
	l, err := w.AddLock(w.ctx, LockRequest{Kind: kind, Target: target, TTL: ttl, Reason: "a test"})
	if err != nil {
		w.t.Fatalf("locking %s %s: %v", kind, target, err)
	}
	return l
}

// becomes waits until the answer for the browser's cookie is this, on a node.
func (b *browser) becomes(on *Authn, want Answer) {
	b.w.t.Helper()
	b.w.until(b.person+" is "+want.String(), func() bool {
		_, got := on.Identify(b.w.ctx, wikiHost, b.session(wikiHost), nil)
		return got == want
	})
}

func TestALockBarsUntilItIsRemoved(t *testing.T) {
	w := newWorld(t)
	second := w.node()
	alice, bob := w.browser("alice"), w.browser("bob")
	alice.visit(wikiHost, "wiki", "/")
	bob.visit(wikiHost, "wiki", "/")
	c, _ := alice.who(wikiHost)
	if c.Session.Device == "" {
		t.Fatal("the session has no device")
	}
	for _, of := range []struct {
		kind   LockKind
		target string
	}{
		{LockUser, c.User.ID}, {LockUser, strings.ToUpper(c.User.Email)}, {LockSession, c.Session.ID}, {LockDevice, c.Session.Device},
	} {
		l := w.lock(of.kind, of.target, 0)
		for _, node := range []*Authn{w.Authn, second} {
			alice.becomes(node, Locked)
		}
		barred, answer := alice.who(wikiHost)
		if answer != Locked || barred.Known() || barred.Lock.ID != l.ID || barred.Lock.Reason != "a test" {
			t.Errorf("%s: the caller is %v, %+v", of.kind, answer, barred.Lock)
		}
		if _, answer := w.Recheck(w.ctx, wikiHost, alice.session(wikiHost), nil); answer != Locked {
			t.Errorf("%s: asked again: %v", of.kind, answer)
		}
		if s, err := w.SessionByID(w.ctx, c.Session.ID); err != nil || s.Lock != l.ID {
			t.Errorf("%s: the operator sees %q, %v", of.kind, s.Lock, err)
		}
		bob.is(wikiHost, Found)
		if _, err := w.RemoveLock(w.ctx, l.ID); err != nil {
			t.Fatal(err)
		}
		for _, node := range []*Authn{w.Authn, second} {
			alice.becomes(node, Found)
		}
	}
}

func TestALockOfAGroupBarsWhoIsInIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	w.lock(LockGroup, strings.ToUpper(c.Groups.Names[0]), 0) // another group
	w.lock(LockGroup, c.Groups.Names[1], 0)
	b.becomes(w.Authn, Locked)
	if err := w.describeGroups(w.ctx, c.User.ID, "corp", c.Groups.Names[:1]); err != nil {
		t.Fatal(err)
	}
	b.becomes(w.Authn, Found)
}

func TestALockIsOverWhenItsTimeIs(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	w.lock(LockUser, "alice@example.com", time.Hour)
	long := w.lock(LockUser, "alice@example.com", 2*time.Hour)
	if forever := w.lock(LockUser, "bob@example.com", 0); w.keepLock(&long) < 2*time.Hour || w.keepLock(&forever) != 0 {
		t.Error("the store forgets a lock that holds")
	}
	w.lock(LockAddress, "192.0.2.0/24", time.Hour)
	from := netip.MustParseAddr("192.0.2.9")
	b.becomes(w.Authn, Locked)
	w.until("the address is locked", func() bool { return w.AddressLock(from) != nil })
	w.clock.pass(time.Hour)
	b.is(wikiHost, Locked)
	if w.AddressLock(from) != nil {
		t.Error("the address is locked still")
	}
	w.clock.pass(time.Hour)
	b.is(wikiHost, Found)
	if all, unreadable, err := w.Locks(w.ctx); err != nil || len(all) != 1 || len(unreadable) != 0 {
		t.Errorf("listed are %+v, %v, %v", all, unreadable, err)
	}
}

func TestWhoIsLockedOutCannotSignIn(t *testing.T) {
	w := newWorld(t)
	c, session := Caller{}, ""
	known := w.browser("alice")
	known.visit(wikiHost, "wiki", "/")
	c, _ = known.who(wikiHost)
	session = c.Session.ID
	for _, of := range []struct {
		kind   LockKind
		target string
	}{{LockUser, c.User.ID}, {LockUser, "Alice@Example.com"}, {LockGroup, c.Groups.Names[0]}} {
		l := w.lock(of.kind, of.target, 0)
		known.becomes(w.Authn, Locked)
		b := w.browser("alice")
		if _, err := b.callback(b.toCallback(wikiHost, "wiki", "/")); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: signing in gives %v", of.kind, err)
		}
		if _, err := known.signIn(known.begin(wikiHost, "wiki", "/"), ""); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: going on with a session gives %v", of.kind, err)
		}
		if _, err := w.RemoveLock(w.ctx, l.ID); err != nil {
			t.Fatal(err)
		}
		known.becomes(w.Authn, Found)
	}
	if list, err := w.Sessions(w.ctx, ""); err != nil || len(list) != 1 || list[0].ID != session {
		t.Errorf("sessions are %+v, %v", list, err)
	}
}

func TestALockedBrowserCannotSignInWhoeverUsesIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	w.lock(LockDevice, c.Session.Device, 0)
	b.becomes(w.Authn, Locked)
	delete(b.cookies, authHost.String()+" "+CookieName(authHost))
	b.person = "bob"
	if _, err := b.signIn(b.begin(wikiHost, "wiki", "/"), ""); !errors.Is(err, ErrLocked) {
		t.Errorf("signing in gives %v", err)
	}
}

func TestABrowserStaysTheSameDevice(t *testing.T) {
	w := newWorld(t)
	b, other := w.browser("alice"), w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	first, _ := b.who(wikiHost)
	b.cookies = map[string]string{authHost.String() + " " + BindingName(authHost): b.binding(authHost)} // what stays when it closes
	b.visit(wikiHost, "wiki", "/")
	second, _ := b.who(wikiHost)
	other.visit(wikiHost, "wiki", "/")
	third, _ := other.who(wikiHost)
	if first.Session.ID == second.Session.ID || first.Session.Device != second.Session.Device || third.Session.Device == first.Session.Device {
		t.Errorf("devices are %q, %q and %q", first.Session.Device, second.Session.Device, third.Session.Device)
	}
	for _, host := range []string{first.Session.Device, third.Session.Device} {
		if host == b.binding(authHost) || !wellFormedBinding(host) {
			t.Errorf("the device is %q", host)
		}
	}
	step, err := w.SignIn(w.ctx, SignInRequest{Sealed: w.browser("bob").begin(wikiHost, "wiki", "/")})
	if err != nil || len(step.Cookies) != 1 || step.Cookies[0].Expires.Before(w.clock.Now().Add(deviceLife-time.Minute)) {
		t.Errorf("the binding of the authenticate host is %+v, %v", step.Cookies, err)
	}
}

func TestALockOfAnEmailAddressHoldsForWhoBoreIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	if l := w.lock(LockUser, "ALICE@example.com", 0); len(l.Users) != 1 || l.Users[0] != c.User.ID {
		t.Fatalf("the lock is %+v", l)
	}
	if err := w.changeUser(w.ctx, c.User.ID, func(u *User) { u.Email = "alice@elsewhere.example" }); err != nil {
		t.Fatal(err)
	}
	w.until("the change has arrived", func() bool {
		c, _ := b.who(wikiHost)
		return c.User != nil && c.User.Email == "alice@elsewhere.example"
	})
	b.becomes(w.Authn, Locked) // who bears the address is told of after the lock
	if l := w.lock(LockUser, "nobody@example.com", 0); len(l.Users) != 0 {
		t.Errorf("nobody's lock is %+v", l)
	}
}

func TestALockOfASessionGoesWithIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	if l := w.lock(LockSession, c.Session.ID, 0); !l.Expires.Equal(c.Session.Expires) {
		t.Errorf("it expires %v, the session %v", l.Expires, c.Session.Expires)
	}
	if _, err := w.AddLock(w.ctx, LockRequest{Kind: LockSession, Target: newID()}); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("a session that is not there: %v", err)
	}
}

func TestNobodyIsAdmittedWhileALockCannotBeRead(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	later, err := broker.OpenBucket[map[string]any](w.ctx, w.broker, broker.Spec{Name: "locks", Decides: true})
	if err != nil {
		t.Fatal(err)
	}
	for what, record := range map[string]map[string]any{
		"an unknown kind": {"id": "aaaaaaaaaaaa", "kind": "planet", "target": "earth"},
		"no lock at all":  {"id": 7},
	} {
		if _, err := later.Put(w.ctx, "aaaaaaaaaaaa", record, 0); err != nil {
			t.Fatal(err)
		}
		b.becomes(w.Authn, Unknown)
		fresh := w.node() // one that reads it at its start
		b.becomes(fresh, Unknown)
		if _, err := w.RemoveLock(w.ctx, "aaaaaaaaaaaa"); err != nil {
			t.Fatalf("%s: removing: %v", what, err)
		}
		b.becomes(w.Authn, Found)
		b.becomes(fresh, Found)
	}
}

func TestLocksAreListedAndRemoved(t *testing.T) {
	w := newWorld(t)
	one := w.lock(LockAddress, "192.0.2.7", 0)
	w.clock.pass(time.Second)
	two := w.lock(LockGroup, "staff", time.Hour)
	all, _, err := w.Locks(w.ctx)
	if err != nil || len(all) != 2 || all[0].ID != one.ID || all[1].ID != two.ID || !all[1].Expires.Equal(two.Created.Add(time.Hour)) {
		t.Errorf("listed are %+v, %v", all, err)
	}
	if l, err := w.RemoveLock(w.ctx, one.ID); err != nil || l.Target != "192.0.2.7" {
		t.Errorf("removing: %+v, %v", l, err)
	}
	for _, id := range []string{one.ID, "", "no such", "../users/aaaa", strings.Repeat("a", 300)} {
		if _, err := w.RemoveLock(w.ctx, id); !errors.Is(err, broker.ErrNotFound) {
			t.Errorf("%q: got %v, want not found", id, err)
		}
	}
}

func TestLocksAreToldToWhoFollowsChanges(t *testing.T) {
	w := newWorld(t)
	told := make(chan Change, 100)
	w.OnChange(func(c Change) { told <- c })
	l := w.lock(LockGroup, "staff", 0)
	if c := <-told; c != (Change{}) || w.locks.known().groups["staff"] == nil {
		t.Errorf("told of %+v", c)
	}
	if _, err := w.RemoveLock(w.ctx, l.ID); err != nil {
		t.Fatal(err)
	}
	<-told
	if w.locks.known().groups["staff"] != nil {
		t.Error("told before it was gone")
	}
}

func TestNothingIsKnownBeforeLocksWereRead(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	a, err := New(Options{Config: w.config, Broker: w.broker, Now: w.clock.Now, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if a.locks.known().whole || a.AddressLock(netip.MustParseAddr("192.0.2.7")) != nil {
		t.Error("it knows that there is no lock")
	}
}
