package proxy

import (
	"net/netip"
	"strings"
	"testing"

	"picket/node/config"
)

func TestTheClientIsWhoTheTrustedProxiesSaw(t *testing.T) {
	l := &front{Listener: config.Listener{TrustedProxies: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"),
	}}}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:1", nil, "192.0.2.1"},
		{"192.0.2.1:1", []string{"1.1.1.1"}, "192.0.2.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"1.1.1.1"}, "1.1.1.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 1.1.1.1, 10.0.0.9"}, "1.1.1.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 1.1.1.1", "10.0.0.9"}, "1.1.1.1"},
		{"10.0.0.1:1", []string{"10.0.0.3,10.0.0.9"}, "10.0.0.3"},
		{"10.0.0.1:1", []string{"1.1.1.1:4711"}, "1.1.1.1"},
		{"10.0.0.1:1", []string{"[2001:db9::1]:4711"}, "2001:db9::1"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:1.1.1.1"}, "1.1.1.1"},
		{"[2001:db8::9]:1", []string{"1.1.1.1"}, "1.1.1.1"},
		{"10.0.0.1:1", []string{"unknown, 1.1.1.1"}, "1.1.1.1"}, // left of the client stands what the client likes
		{"10.0.0.1:1", []string{"x", "1.1.1.1, 10.0.0.9"}, "1.1.1.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, x, 10.0.0.9"}, "10.0.0.9"},
		{"10.0.0.1:1", []string{"1.1.1.1, "}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"1.1.1.1", "x"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"@", []string{"1.1.1.1"}, "invalid IP"},
	} {
		if got := l.client(c.peer, c.forwarded).String(); got != c.want {
			t.Errorf("%s with %q is %s; want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1:1", "1.1.1.1, 10.0.0.2")
	f.Add("[::1]:1", ",,")
	l := &front{Listener: config.Listener{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		addr := l.client(peer, strings.Split(forwarded, "\n"))
		if addr.Is4In6() || addr.Zone() != "" {
			t.Fatalf("%q, %q: %v", peer, forwarded, addr)
		}
	})
}
