package authn

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picket/examples/allocs"
)

var lockNow = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// anyLocks draws locks of few targets, so that many meet.
func anyLocks(t *rapid.T) map[string]Lock {
	all := map[string]Lock{}
	for i := range rapid.IntRange(0, 30).Draw(t, "locks") {
		l := Lock{ID: fmt.Sprint(i), Kind: rapid.SampledFrom([]LockKind{LockUser, LockGroup, LockSession, LockDevice, LockAddress}).Draw(t, "kind")}
		if minutes := rapid.IntRange(-2, 2).Draw(t, "expires"); minutes != 0 {
			l.Expires = lockNow.Add(time.Duration(minutes) * time.Minute)
		}
		switch l.Kind {
		case LockAddress:
			l.Target = anyNetwork(t).String()
		case LockUser:
			l.Target = rapid.SampledFrom([]string{"u1", "u2", "A@x.org", "a@X.org", "b@x.org"}).Draw(t, "user")
			l.Users = rapid.SliceOfN(rapid.SampledFrom([]string{"u1", "u3"}), 0, 1).Draw(t, "users")
		default:
			l.Target = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "target")
		}
		all[l.ID] = l
	}
	return all
}

// anyAddress draws an address near the others, or at an end of all of them.
func anyAddress(t *rapid.T) netip.Addr {
	ends := []string{"0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1"}
	if rapid.Bool().Draw(t, "end") {
		return netip.MustParseAddr(rapid.SampledFrom(ends).Draw(t, "which"))
	}
	if low := byte(rapid.IntRange(0, 255).Draw(t, "low")); rapid.Bool().Draw(t, "four") {
		return netip.AddrFrom4([4]byte{10, 0, 0, low})
	} else {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 15: low})
	}
}

func anyNetwork(t *rapid.T) netip.Prefix {
	addr := anyAddress(t)
	bits := rapid.OneOf(rapid.IntRange(addr.BitLen()-8, addr.BitLen()), rapid.IntRange(0, addr.BitLen())).Draw(t, "bits")
	return netip.PrefixFrom(addr, bits).Masked()
}

// TestTheIndexFindsWhatALookAtEachLockFinds holds the index against the plain meaning of locks.
func TestTheIndexFindsWhatALookAtEachLockFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := anyLocks(t)
		x := newLockIndex(all, false)
		word := func(name string) string { return rapid.SampledFrom([]string{"", "1", "2", "4"}).Draw(t, name) }
		c := Caller{
			Session: &Session{ID: word("session"), Device: word("device")},
			User:    &User{ID: rapid.SampledFrom([]string{"u1", "u2", "u4"}).Draw(t, "id"), Email: rapid.SampledFrom([]string{"", "a@x.org", "B@X.ORG"}).Draw(t, "email")},
			Groups:  &Groups{Names: rapid.SliceOf(rapid.SampledFrom([]string{"1", "2", "4"})).Draw(t, "groups")},
		}
		addr := anyAddress(t)
		bars, barsAddress := false, false
		for _, l := range all {
			bars = bars || l.holds(lockNow) && plainly(l, c)
			barsAddress = barsAddress || l.Kind == LockAddress && l.holds(lockNow) && netip.MustParsePrefix(l.Target).Contains(addr)
		}
		if got := x.caller(c, lockNow); (got != nil) != bars || got != nil && !got.holds(lockNow) {
			t.Errorf("%+v of %+v: got %+v, want %v", c, all, got, bars)
		}
		if got := x.address(addr, lockNow); (got != nil) != barsAddress || got != nil && !got.holds(lockNow) {
			t.Errorf("%s of %+v: got %+v, want %v", addr, all, got, barsAddress)
		}
	})
}

// plainly tells whether a lock is of this caller.
func plainly(l Lock, c Caller) bool {
	switch l.Kind {
	case LockUser:
		return l.Target == c.User.ID || strings.EqualFold(l.Target, c.User.Email) || strings.Contains(strings.Join(l.Users, " "), c.User.ID)
	case LockGroup:
		return strings.Contains(" "+strings.Join(c.Groups.Names, " ")+" ", " "+l.Target+" ")
	case LockSession:
		return l.Target == c.Session.ID
	case LockDevice:
		return l.Target == c.Session.Device
	}
	return false
}

func TestAnAddressIsTheSameHoweverItIsWritten(t *testing.T) {
	for _, c := range []struct {
		locked, from string
		want         bool
	}{
		{"192.0.2.7", "::ffff:192.0.2.7", true},
		{"::ffff:192.0.2.7", "192.0.2.7", true},
		{"::ffff:192.0.2.0/120", "192.0.2.7", true},
		{"fe80::1", "fe80::1%eth0", true},
		{"0.0.0.0/0", "::1", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"::/0", "192.0.2.7", false},
		{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
	} {
		target, err := LockRequest{Kind: LockAddress, Target: c.locked}.check()
		if err != nil {
			t.Fatal(err)
		}
		x := newLockIndex(map[string]Lock{"1": {Kind: LockAddress, Target: target}}, false)
		if got := x.address(netip.MustParseAddr(c.from), lockNow); (got != nil) != c.want {
			t.Errorf("%s locked, from %s: %v", c.locked, c.from, got)
		}
		if x.address(netip.Addr{}, lockNow) != nil {
			t.Error("no address at all is locked")
		}
	}
}

func TestALockOfALaterVersionLeavesTheIndexOpenEnded(t *testing.T) {
	for _, l := range []Lock{{Kind: "planet", Target: "earth"}, {Kind: LockAddress, Target: "10.0.0.0/8 and more"}} {
		if newLockIndex(map[string]Lock{"1": l}, false).whole {
			t.Errorf("%+v: taken for known", l)
		}
	}
	if newLockIndex(nil, true).whole || !newLockIndex(nil, false).whole {
		t.Error("unreadable locks are not told")
	}
}

// manyLocks is an index of so many locks of each kind, and a caller whom none of them bars.
func manyLocks(n int) (*lockIndex, Caller) {
	all := map[string]Lock{}
	for i := range n {
		for kind, target := range map[LockKind]string{
			LockUser: fmt.Sprintf("user%d@example.com", i), LockGroup: fmt.Sprint("group ", i), LockSession: fmt.Sprint(i),
			LockDevice: fmt.Sprint(i), LockAddress: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}).String(),
		} {
			all[fmt.Sprint(kind, i)] = Lock{Kind: kind, Target: target}
		}
	}
	return newLockIndex(all, false), Caller{
		Session: &Session{ID: newID(), Device: newID()}, User: &User{ID: newID(), Email: "Alice.Liddell@Example.com"},
		Groups: &Groups{Names: []string{"staff", "wonderland", "tea"}},
	}
}

func TestAskingForLocksAllocatesNothing(t *testing.T) {
	x, c := manyLocks(100)
	from := netip.MustParseAddr("10.0.7.2")
	n := allocs.Least(0, 100, func() {
		if x.caller(c, lockNow) != nil || x.address(from, lockNow) != nil {
			t.Error("somebody is locked out")
		}
	})
	if n > 0 {
		t.Errorf("%d allocations", n)
	}
}

func BenchmarkAskingFor10000LocksOfEachKind(b *testing.B) {
	x, c := manyLocks(10_000)
	from := netip.MustParseAddr("10.3.7.2")
	b.ReportAllocs()
	for b.Loop() {
		if x.caller(c, lockNow) != nil || x.address(from, lockNow) != nil {
			b.Fatal("somebody is locked out")
		}
	}
}

func BenchmarkIndexing10000Locks(b *testing.B) {
	all := map[string]Lock{}
	for i := range 10_000 {
		all[fmt.Sprint(i)] = Lock{Kind: LockUser, Target: fmt.Sprintf("user%d@example.com", i)}
	}
	for b.Loop() {
		newLockIndex(all, false)
	}
}
