package ratelimit

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"picket/examples/allocs"
)

func limitOf(t testing.TB, rate int64, per time.Duration, burst int64) *Limit {
	t.Helper()
	l, err := NewLimit("route wiki", rate, per, burst)
	if err != nil {
		t.Fatal(err)
	}
	return &l
}

func limiter(t testing.TB, o Options) *Limiter {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// let is how many of some requests at once are let in.
func let(l *Limiter, limit *Limit, k Key, asked int) (in int) {
	for range asked {
		if l.Take(limit, k).Allowed {
			in++
		}
	}
	return in
}

func TestABurstPassesAndThenTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, limit := limiter(t, Options{}), limitOf(t, 10, time.Second, 20)
		if in := let(l, limit, User("alice"), 100); in != 20 {
			t.Errorf("%d of 100 at once passed, not the burst of 20", in)
		}
		time.Sleep(time.Second)
		if in := let(l, limit, User("alice"), 100); in != 10 {
			t.Errorf("%d passed after a second, not the rate of 10", in)
		}
		time.Sleep(time.Hour)
		if in := let(l, limit, User("alice"), 100); in != 20 {
			t.Errorf("%d passed after an hour, not the burst of 20", in)
		}
	})
}

func TestEachCallerAndEachLimitHasABucketOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, limit := limiter(t, Options{}), limitOf(t, 1, time.Minute, 3)
		other, err := NewLimit("route other", 1, time.Minute, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []Key{User("alice"), User("bob"), User(""), Address(netip.MustParseAddr("192.0.2.1")), Address(netip.MustParseAddr("192.0.2.2"))} {
			if in := let(l, limit, k, 10); in != 3 {
				t.Errorf("%d requests of %v passed, not 3", in, k)
			}
		}
		if in := let(l, &other, User("alice"), 10); in != 3 {
			t.Errorf("%d requests passed by another limit, not 3", in)
		}
	})
}

func TestWhatIsRefusedSaysWhenToAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, limit := limiter(t, Options{}), limitOf(t, 1, 10*time.Second, 2)
		first := l.Take(limit, User("alice"))
		if !first.Allowed || first.Remaining != 1 || first.Reset != 10*time.Second {
			t.Errorf("the first of two: %+v", first)
		}
		let(l, limit, User("alice"), 1)
		v := l.Take(limit, User("alice"))
		if v.Allowed || v.Retry != 10*time.Second || v.Reset != 20*time.Second {
			t.Errorf("the third of two: %+v", v)
		}
		time.Sleep(v.Retry - time.Nanosecond)
		if l.Take(limit, User("alice")).Allowed {
			t.Error("it passed earlier than it was told to ask again")
		}
		time.Sleep(time.Nanosecond)
		if !l.Take(limit, User("alice")).Allowed {
			t.Error("it did not pass when it was told to ask again")
		}
	})
}

func TestToLookTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, limit := limiter(t, Options{}), limitOf(t, 1, time.Second, 1)
		for range 10 {
			if !l.Peek(limit, User("alice")).Allowed {
				t.Fatal("a bucket that nobody took from is empty")
			}
		}
		let(l, limit, User("alice"), 1)
		if l.Peek(limit, User("alice")).Allowed {
			t.Error("a bucket that was emptied looks full")
		}
	})
}

func TestWhatIsGivenBackCanBeTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, limit := limiter(t, Options{}), limitOf(t, 1, time.Minute, 3)
		for range 10 {
			if !l.Take(limit, User("alice")).Allowed {
				t.Fatal("what was given back is gone")
			}
			l.Give(limit, User("alice"))
		}
		for range 5 {
			l.Give(limit, User("alice"))
			l.Give(limit, User("bob"))
		}
		if in := let(l, limit, User("alice"), 10); in != 3 {
			t.Errorf("%d passed: a bucket holds more than it can", in)
		}
		if in := let(l, limit, User("bob"), 10); in != 3 {
			t.Errorf("%d of somebody passed who was never asked about", in)
		}
	})
}

func TestAddressesCountByWhoHasThem(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1:2:3", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		a, b := Address(netip.MustParseAddr(c.a)), Address(netip.MustParseAddr(c.b))
		if (a == b) != c.same {
			t.Errorf("%s and %s are one caller: %t", c.a, c.b, a == b)
		}
	}
}

func TestTooManyCallersTakeNoMoreMemoryAndTheGreediestAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, limit := limiter(t, Options{Keys: 1600}), limitOf(t, 1, time.Hour, 100)
		let(l, limit, User("greedy"), 200)
		for i := range 100_000 {
			l.Take(limit, User(fmt.Sprint("visitor ", i)))
		}
		if n := l.Callers(); n > 1600 {
			t.Errorf("%d callers are remembered, and 1600 were to be", n)
		}
		if l.Take(limit, User("greedy")).Allowed {
			t.Error("who asked for everything was forgotten for those who asked once")
		}
		if l.Forgotten() == 0 {
			t.Error("nobody was told that some were forgotten")
		}
	})
}

func TestManyAtOnceGetNoMoreThanOne(t *testing.T) {
	l, limit := limiter(t, Options{}), limitOf(t, 1, time.Hour, 1000)
	var all sync.WaitGroup
	passed := make(chan int, 8)
	for range 8 {
		all.Go(func() { passed <- let(l, limit, User("alice"), 500) })
	}
	all.Wait()
	close(passed)
	sum := 0
	for in := range passed {
		sum += in
	}
	if sum != 1000 {
		t.Errorf("%d of 4000 passed, not 1000", sum)
	}
}

func TestLimitsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, c := range []struct {
		rate  int64
		per   time.Duration
		burst int64
	}{{0, time.Second, 1}, {-1, time.Second, 1}, {1, 0, 1}, {1, -1, 1}, {1, 1, -1}, {2, 1, 1}, {1, 1000 * time.Hour, 1 << 40}} {
		if _, err := NewLimit("x", c.rate, c.per, c.burst); err == nil || !strings.Contains(err.Error(), "limit x") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	var none Limit
	if limiter(t, Options{}).Take(&none, User("alice")).Allowed {
		t.Error("a limit that was never made lets somebody in")
	}
}

func TestAHitTakesNoMemory(t *testing.T) {
	l, limit, alice := limiter(t, Options{Node: "a"}), limitOf(t, 1_000_000_000, time.Second, 1_000_000), User("alice@example.com")
	address := netip.MustParseAddr("2001:db8::1")
	l.Take(limit, alice)
	l.Take(limit, Address(address))
	if n := allocs.Least(0, 100, func() { l.Take(limit, alice); l.Take(limit, Address(address)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	l, limit := limiter(b, Options{Node: "a"}), limitOf(b, 100_000_000, time.Second, 1_000_000)
	keys := make([]Key, 10_000)
	for i := range keys {
		keys[i] = User(fmt.Sprintf("u%025d", i))
		l.Take(limit, keys[i])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if !l.Take(limit, keys[i%len(keys)]).Allowed {
			b.Fatal("refused")
		}
		i++
	}
}
