package authn

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestWhatCanBeLocked(t *testing.T) {
	user, id := strings.Repeat("u", 24), newID()
	for _, c := range []struct {
		request LockRequest
		want    string // the target; "": it is no lock
	}{
		{LockRequest{Kind: LockUser, Target: " alice@example.com "}, "alice@example.com"},
		{LockRequest{Kind: LockUser, Target: user}, user},
		{LockRequest{Kind: LockUser, Target: "alice"}, ""},
		{LockRequest{Kind: LockUser, Target: "@example.com"}, ""},
		{LockRequest{Kind: LockUser, Target: "alice@"}, ""},
		{LockRequest{Kind: LockGroup, Target: "Wiki Editors, all"}, "Wiki Editors, all"},
		{LockRequest{Kind: LockGroup, Target: "  "}, ""},
		{LockRequest{Kind: LockGroup, Target: "a\x1b[2Jb"}, ""},
		{LockRequest{Kind: LockGroup, Target: "a\xffb"}, ""},
		{LockRequest{Kind: LockGroup, Target: strings.Repeat("g", maxTarget+1)}, ""},
		{LockRequest{Kind: LockSession, Target: id}, id},
		{LockRequest{Kind: LockSession, Target: id[1:]}, ""},
		{LockRequest{Kind: LockDevice, Target: id}, id},
		{LockRequest{Kind: LockDevice, Target: "laptop"}, ""},
		{LockRequest{Kind: LockAddress, Target: "192.0.2.7"}, "192.0.2.7"},
		{LockRequest{Kind: LockAddress, Target: "192.0.2.0/24"}, "192.0.2.0/24"},
		{LockRequest{Kind: LockAddress, Target: "192.0.2.7/32"}, "192.0.2.7"},
		{LockRequest{Kind: LockAddress, Target: "2001:DB8::/32"}, "2001:db8::/32"},
		{LockRequest{Kind: LockAddress, Target: "::ffff:192.0.2.7"}, "192.0.2.7"},
		{LockRequest{Kind: LockAddress, Target: "192.0.2.7/24"}, ""},
		{LockRequest{Kind: LockAddress, Target: "192.0.2.0/33"}, ""},
		{LockRequest{Kind: LockAddress, Target: "192.0.2"}, ""},
		{LockRequest{Kind: LockAddress, Target: "fe80::1%eth0"}, ""},
		{LockRequest{Kind: LockAddress, Target: "::ffff:0.0.0.0/90"}, ""},
		{LockRequest{Kind: "planet", Target: "earth"}, ""},
		{LockRequest{Kind: LockGroup, Target: "g", TTL: -time.Second}, ""},
		{LockRequest{Kind: LockGroup, Target: "g", TTL: longestLock}, "g"},
		{LockRequest{Kind: LockGroup, Target: "g", TTL: math.MaxInt64}, ""}, // what the store keeps it for would run over, to nothing
		{LockRequest{Kind: LockGroup, Target: "g", Reason: "two\nlines"}, ""},
		{LockRequest{Kind: LockGroup, Target: "g", Author: strings.Repeat("a", maxAuthor+1)}, ""},
	} {
		got, err := c.request.check()
		if got != c.want || errors.Is(err, ErrBadLock) != (c.want == "") {
			t.Errorf("%+v: got %q, %v", c.request, got, err)
		}
	}
}

// FuzzAddressTarget holds that what is taken for an address or a network is written in one way, and bars itself.
func FuzzAddressTarget(f *testing.F) {
	for _, seed := range []string{"192.0.2.7", "10.0.0.0/8", "::/0", "::ffff:10.0.0.0/104", "fe80::1%eth0", "0.0.0.0/0", "1.2.3.4/", "::ffff:1.2.3.4/96"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := addressTarget(s)
		if err != nil {
			return
		}
		if again, err := addressTarget(target); err != nil || again != target {
			t.Errorf("%q is %q, and that is %q, %v", s, target, again, err)
		}
		p, err := parsePrefix(target)
		if err != nil {
			t.Fatal(err)
		}
		x := newLockIndex(map[string]Lock{"1": {Kind: LockAddress, Target: target}}, false)
		for _, addr := range []netip.Addr{p.Addr(), last(p)} {
			if x.address(addr, lockNow) == nil {
				t.Errorf("%s does not bar %s", target, addr)
			}
		}
		for _, addr := range []netip.Addr{p.Addr().Prev(), last(p).Next()} {
			if x.address(addr, lockNow) != nil {
				t.Errorf("%s bars %s", target, addr)
			}
		}
	})
}

// FuzzFoldedEmail holds that folding tells apart what strings.EqualFold tells apart.
func FuzzFoldedEmail(f *testing.F) {
	for _, seed := range [][2]string{{"a@x", "A@X"}, {"\u212A@x", "k@x"}, {"straße@x", "STRASSE@x"}, {"ſ@x", "S@x"}, {"a", "b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return
		}
		if same := string(appendFolded(nil, a)) == string(appendFolded(nil, b)); same != strings.EqualFold(a, b) {
			t.Errorf("%q and %q: %v", a, b, same)
		}
	})
}
