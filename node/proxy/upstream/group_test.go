package upstream

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picket/node/config"
)

func TestRoundRobinTakesTurnsByWeight(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    string
	}{
		{nil, "ABCABC"},
		{[]int{1, 1, 1}, "ABCABC"},
		{[]int{3, 1, 0}, "AABAAABA"},
		{[]int{2, 4, 0}, "BABBAB"},
		{[]int{0, 0, 7}, "CCC"},
	} {
		g := newWorld(t).route(t, config.Upstream{Weights: c.weights}, "http://a", "http://b", "http://c")
		var got strings.Builder
		for range c.want {
			got.WriteString(strings.ToUpper(ask(t, g, 0, 200).Endpoint.Host))
		}
		if got.String() != c.want {
			t.Errorf("with weights %v the turns are %s, want %s", c.weights, &got, c.want)
		}
	}
}

// members draws a route with some applications, and weights of which one is above zero.
func members(t *rapid.T) (to []string, weights []int) {
	n := rapid.IntRange(1, 12).Draw(t, "applications")
	weights = rapid.SliceOfN(rapid.IntRange(0, 20), n, n).Draw(t, "weights")
	weights[rapid.IntRange(0, n-1).Draw(t, "at least")]++
	for i := range n {
		to = append(to, fmt.Sprintf("http://10.0.0.%d", i+1))
	}
	return to, weights
}

func balances(t *rapid.T) string {
	return rapid.SampledFrom([]string{"round_robin", "least_request", "random", "hash"}).Draw(t, "balance")
}

func TestWhateverTheBalanceOnlyThoseThatTakeRequestsGetThem(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		to, weights := members(r)
		w := newWorld(t)
		g := w.route(t, config.Upstream{Weights: weights, Balance: balances(r), Health: asked}, to...)
		well, taking := 0, 0
		for i, weight := range weights {
			is := rapid.SampledFrom([]health{healthy, unhealthy}).Draw(r, "health")
			turn(g, i, is)
			if weight > 0 {
				taking++
				if is == healthy {
					well++
				}
			}
		}
		for range 50 {
			m := ask(t, g, rapid.Uint64().Draw(r, "key"), 200)
			i := slices.Index(g.members, m)
			if weights[i] == 0 {
				r.Fatalf("one of weight 0 got a request")
			}
			if well > 0 && g.checks[i].state() != healthy {
				r.Fatalf("%d of %d are well, and one that is not got a request", well, taking)
			}
		}
	})
}

func TestACallAsksEveryoneOnceBeforeItAsksAnyoneTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		to, weights := members(r)
		g := newWorld(t).route(t, config.Upstream{Weights: weights, Balance: balances(r)}, to...)
		c := g.Call(rapid.Uint64().Draw(r, "key"), false)
		defer c.Done()
		asked := map[*Member]bool{}
		for more := true; more; more = c.Failed(Connect, true) {
			m, err := c.Next(t.Context())
			if err != nil {
				r.Fatal(err)
			}
			if asked[m] {
				r.Fatal("one was asked twice")
			}
			asked[m] = true
		}
		if want := min(g.taking(), mostTries); len(asked) != want && g.taking() > 1 {
			// those that could not be connected to are left alone, but for the last: it is asked in any case
			r.Fatalf("%d were asked, want %d", len(asked), want)
		}
	})
}

func TestByHashOneKeyGoesToOneApplicationAndOnlyThoseOfADeadOneMove(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		to, weights := members(r)
		g := newWorld(t).route(t, config.Upstream{Weights: weights, Balance: "hash", Health: asked}, to...)
		for i := range g.members {
			turn(g, i, healthy)
		}
		keys := rapid.SliceOfN(rapid.Uint64(), 200, 200).Draw(r, "keys")
		before := map[uint64]*Member{}
		for _, k := range keys {
			before[k] = ask(t, g, k, 200)
			if again := ask(t, g, k, 200); again != before[k] {
				r.Fatal("one key went to two applications")
			}
		}
		dead := rapid.IntRange(0, len(to)-1).Draw(r, "dead")
		turn(g, dead, unhealthy)
		for _, k := range keys {
			after := ask(t, g, k, 200)
			if after != before[k] && before[k] != g.members[dead] {
				r.Fatal("a key of another application moved")
			}
			if after == g.members[dead] && g.taking() > 1 && weights[dead] > 0 {
				r.Fatal("the dead one was asked")
			}
		}
		turn(g, dead, healthy)
		for _, k := range keys {
			if ask(t, g, k, 200) != before[k] {
				r.Fatal("a key did not come back")
			}
		}
	})
}

func TestEachBalanceRespectsWeights(t *testing.T) {
	const requests = 40_000
	weights := []int{1, 2, 5, 0, 8}
	for _, balance := range []string{"round_robin", "least_request", "random", "hash"} {
		g := newWorld(t).route(t, config.Upstream{Weights: weights, Balance: balance}, "http://a", "http://b", "http://c", "http://d", "http://e")
		got := map[*Member]int{}
		for i := range requests {
			got[ask(t, g, Hash(fmt.Sprint("session ", i)), 200)]++
		}
		for i, m := range g.members {
			want := float64(weights[i]) / 16
			if part := float64(got[m]) / requests; math.Abs(part-want) > 0.02 {
				t.Errorf("%s: weight %d of 16 got %.3f of the requests", balance, weights[i], part)
			}
		}
	}
}

func TestLeastRequestPrefersTheIdle(t *testing.T) {
	g := newWorld(t).route(t, config.Upstream{Balance: "least_request"}, "http://a", "http://b")
	busy := g.Call(0, true)
	defer busy.Done()
	m, err := busy.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if ask(t, g, 0, 200) == m {
			t.Fatal("the busy one of two was asked")
		}
	}
}

func TestLargeWeightsAreRoundedNotRefused(t *testing.T) {
	g := newWorld(t).route(t, config.Upstream{Weights: []int{999_983, 1, 499_979}}, "http://a", "http://b", "http://c")
	v := g.look()
	if len(v.slots) > mostSlots+3 {
		t.Errorf("%d slots", len(v.slots))
	}
	if !slices.Contains(v.slots, 1) {
		t.Error("the least gets nothing")
	}
}

func TestOneWhoCannotBeReachedIsLeftAloneForAMoment(t *testing.T) {
	w := newWorld(t)
	g := w.route(t, config.Upstream{}, "http://a", "http://b")
	c := g.Call(0, false)
	dead, _ := c.Next(t.Context())
	if !c.Failed(Connect, true) {
		t.Fatal("nobody else is asked")
	}
	if other, _ := c.Next(t.Context()); other == dead {
		t.Fatal("the dead one is asked again")
	}
	c.Done()
	for range 10 {
		if ask(t, g, 0, 200) == dead {
			t.Fatal("others ask the dead one")
		}
	}
	w.passes(aside)
	if a, b := ask(t, g, 0, 200), ask(t, g, 0, 200); a != dead && b != dead {
		t.Error("after a while it is still not asked")
	}
}

func TestWhatIsKnownOutlivesAConfiguration(t *testing.T) {
	w := newWorld(t)
	settings := config.Upstream{Balance: "least_request", Health: asked, Outliers: config.Outliers{Errors: 1, Window: time.Minute, Eject: time.Minute, MaxEjected: 50}}
	g := w.route(t, settings, "http://a", "http://b")
	turn(g, 0, unhealthy)
	c := g.Call(0, true)
	m, _ := c.Next(t.Context())
	settings.Weights = []int{5, 1, 1}
	after := w.route(t, settings, "http://b", "http://a", "http://c")
	if got := after.checks[1].state(); got != unhealthy {
		t.Errorf("the check of one that was unwell says %s", got)
	}
	if after.members[0] != m || m.underWay.Load() != 1 {
		t.Errorf("a request under way is forgotten")
	}
	c.Done()
	if m.underWay.Load() != 0 {
		t.Errorf("a request that ended is still counted")
	}
}

// Where some are known to be well, one that is new waits until it has been asked.
func TestANewApplicationGetsNothingBeforeItsFirstCheck(t *testing.T) {
	w := newWorld(t)
	g := w.route(t, config.Upstream{Health: asked}, "http://a", "http://b")
	for range 4 {
		ask(t, g, 0, 200) // nobody is known to be well: everyone is asked
	}
	turn(g, 0, healthy)
	for range 4 {
		if m := ask(t, g, 0, 200); m != g.members[0] {
			t.Fatal("one that nobody has asked got a request")
		}
	}
}

func BenchmarkOneHealthyApplication(b *testing.B) {
	u := New(Options{})
	p, err := u.Prepare([]config.Route{{Name: "r", To: []string{"http://a"}, Upstream: config.Upstream{Health: asked}}})
	if err != nil {
		b.Fatal(err)
	}
	g := p.Groups[0]
	turn(g, 0, healthy)
	benchmark(b, g)
}

func BenchmarkOfTen(b *testing.B) {
	for _, balance := range []string{"round_robin", "least_request", "random", "hash"} {
		b.Run(balance, func(b *testing.B) {
			u := New(Options{})
			var to []string
			for i := range 10 {
				to = append(to, fmt.Sprintf("http://10.0.0.%d", i))
			}
			p, err := u.Prepare([]config.Route{{Name: "r", To: to, Upstream: config.Upstream{Balance: balance}}})
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, p.Groups[0])
		})
	}
}

func benchmark(b *testing.B, g *Group) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for key := uint64(0); pb.Next(); key++ {
			c := g.Call(key, true)
			if _, err := c.Next(b.Context()); err != nil {
				b.Fatal(err)
			}
			c.Answered(200)
			c.Done()
		}
	})
}
