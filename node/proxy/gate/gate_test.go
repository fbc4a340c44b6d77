package gate

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// clock is a time that the test sets.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func newClock() *clock { return &clock{now: time.Unix(1, 0)} }

var (
	alice = netip.MustParseAddr("192.0.2.1")
	bob   = netip.MustParseAddr("192.0.2.2")
)

func TestNoMoreAreOpenThanMayBe(t *testing.T) {
	g := New(Limits{Open: 2}, newClock().read)
	for i, want := range []Reason{"", "", TooMany, TooMany} {
		if got := g.Enter(); got != want {
			t.Errorf("connection %d: %q, want %q", i+1, got, want)
		}
	}
	g.Leave()
	if got := g.Enter(); got != "" {
		t.Errorf("after one has left: %q", got)
	}
}

func TestNewOnesComeNoFasterThanMayBe(t *testing.T) {
	c := newClock()
	g := New(Limits{Rate: 10, Burst: 20}, c.read)
	enter := func() (n int) {
		for g.Enter() == "" {
			n++
		}
		return n
	}
	if n := enter(); n != 20 {
		t.Errorf("at once: %d", n)
	}
	c.now = c.now.Add(500 * time.Millisecond)
	if n := enter(); n != 5 {
		t.Errorf("after half a second: %d", n)
	}
	c.now = c.now.Add(time.Hour)
	if n := enter(); n != 20 {
		t.Errorf("after an hour: %d", n)
	}
}

func TestOneClientDoesNotTakeThePlacesOfAnother(t *testing.T) {
	c := newClock()
	g := New(Limits{AddressOpen: 3, AddressRate: 1, AddressBurst: 4}, c.read)
	for i, want := range []Reason{"", "", "", TooManyFromAddress} {
		if got := g.EnterFrom(alice); got != want {
			t.Errorf("alice's connection %d: %q, want %q", i+1, got, want)
		}
	}
	g.LeaveFrom(alice)
	for i, want := range []Reason{"", TooManyFromAddress} {
		if got := g.EnterFrom(alice); got != want {
			t.Errorf("alice's connection %d: %q, want %q", i+5, got, want)
		}
	}
	g.LeaveFrom(alice)
	if got := g.EnterFrom(alice); got != TooFastFromAddress {
		t.Errorf("alice is too fast: %q", got)
	}
	if got := g.EnterFrom(bob); got != "" {
		t.Errorf("bob: %q", got)
	}
}

func TestANetworkOfIPv6IsOneClient(t *testing.T) {
	g := New(Limits{AddressOpen: 1}, newClock().read)
	for address, want := range map[string]Reason{"2001:db8::1": "", "2001:db8:0:1::1": "", "::ffff:192.0.2.1": ""} {
		if got := g.EnterFrom(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
	for _, address := range []string{"2001:db8::ffff:1", "2001:db8:0:1:8::", "192.0.2.1"} {
		if got := g.EnterFrom(netip.MustParseAddr(address)); got != TooManyFromAddress {
			t.Errorf("%s: %q", address, got)
		}
	}
}

func TestHoweverManyClientsThereAreWhatIsHeldIsBounded(t *testing.T) {
	g := New(Limits{AddressRate: 1}, newClock().read)
	if got := g.EnterFrom(alice); got != "" {
		t.Fatal(got)
	}
	for i := range uint32(4 * mostKnown) {
		client := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24|i)))
		if g.EnterFrom(client) == "" {
			g.LeaveFrom(client)
		}
	}
	if len(g.clients) > mostKnown {
		t.Errorf("%d are remembered", len(g.clients))
	}
	if c := g.clients[alice]; c == nil || c.open != 1 {
		t.Error("one that is still open was forgotten")
	}
}

func TestOtherLimitsAreInForceAtOnce(t *testing.T) {
	g := New(Limits{Open: 1}, newClock().read)
	_, _ = g.Enter(), g.Enter()
	g.Use(Limits{Open: 2})
	if got := g.Enter(); got != "" {
		t.Errorf("the second: %q", got)
	}
	g.Use(Limits{})
	if got := g.Enter(); got != "" || g.Open() != 3 {
		t.Errorf("without limits: %q, %d open", got, g.Open())
	}
}

func BenchmarkEnter(b *testing.B) {
	g := New(Limits{Open: 10, Rate: 1e9, AddressOpen: 10, AddressRate: 1e9}, time.Now)
	for b.Loop() {
		if g.Enter() == "" && g.EnterFrom(alice) == "" {
			g.LeaveFrom(alice)
			g.Leave()
		}
	}
}
