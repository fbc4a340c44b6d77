package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"picket/node/config"
)

var twice = config.Retry{Attempts: 2, On: []string{"connect", "reset", "503"}}

func TestARequestIsSentAgainOnlyWhereThatIsSafeAndAskedFor(t *testing.T) {
	type try func(*Call) bool
	failed := func(f Failure, unsent bool) try { return func(c *Call) bool { return c.Failed(f, unsent) } }
	answered := func(status int) try { return func(c *Call) bool { return c.Answered(status) } }
	for _, c := range []struct {
		name       string
		retry      config.Retry
		repeatable bool
		try        try
		want       bool
	}{
		{"no connection", config.Retry{}, false, failed(Connect, true), true},
		{"no connection, part of the body taken", twice, true, failed(Connect, false), false},
		{"reset, nothing configured", config.Retry{}, true, failed(Reset, true), false},
		{"reset", twice, true, failed(Reset, true), true},
		{"reset, not repeatable", twice, false, failed(Reset, true), false},
		{"reset, part of the body taken", twice, true, failed(Reset, false), false},
		{"timeout, not configured", twice, true, failed(Timeout, true), false},
		{"503", twice, true, answered(503), true},
		{"503, not repeatable", twice, false, answered(503), false},
		{"502, not configured", twice, true, answered(502), false},
		{"200", twice, true, answered(200), false},
		{"status that is none", twice, true, answered(99999), false},
	} {
		g := newWorld(t).route(t, config.Upstream{Retry: c.retry}, "http://a", "http://b")
		call := g.Call(0, c.repeatable)
		if _, err := call.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.try(&call); got != c.want {
			t.Errorf("%s: sent again is %t, want %t", c.name, got, c.want)
		}
		call.Done()
	}
}

func TestARequestIsSentAgainToSomebodyElseAndOnlySoOften(t *testing.T) {
	for _, to := range [][]string{{"http://a"}, {"http://a", "http://b"}, {"http://a", "http://b", "http://c", "http://d"}} {
		g := newWorld(t).route(t, config.Upstream{Retry: twice}, to...)
		c := g.Call(0, true)
		var asked []*Member
		for more := true; more; more = c.Failed(Reset, true) {
			m, err := c.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(asked); n > 0 && asked[n-1] == m && len(to) > 1 {
				t.Error("the same one was asked again")
			}
			asked = append(asked, m)
		}
		c.Done()
		if len(asked) != 3 {
			t.Errorf("of %d, %d were asked, want 3 tries", len(to), len(asked))
		}
		if n := g.flow.underWay.Load() + g.flow.retrying.Load(); n != 0 {
			t.Errorf("%d are still counted", n)
		}
	}
}

func TestAWaitBeforeARetryEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newWorld(t).route(t, config.Upstream{Retry: twice}, "http://a")
		c := g.Call(0, true)
		defer c.Done()
		if _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Answered(503)
		c.pause = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

// When an application fails everything, retries may not make it worse: they are few beside the requests.
func TestRetriesAreNoStorm(t *testing.T) {
	for _, people := range []int{1, 10, 100, 1000} {
		synctest.Test(t, func(t *testing.T) {
			g := newWorld(t).route(t, config.Upstream{Retry: config.Retry{Attempts: 5, On: []string{"503"}}}, "http://a", "http://b")
			var requests, tries, most atomic.Int64
			var again atomic.Int64 // under way
			var all sync.WaitGroup
			for range people {
				all.Go(func() {
					for range 50 {
						requests.Add(1)
						c := g.Call(0, true)
						for n := 0; ; n++ {
							if _, err := c.Next(t.Context()); err != nil {
								t.Error(err)
							}
							tries.Add(1)
							if n > 0 {
								again.Add(1)
								most.Store(max(most.Load(), again.Load()))
							}
							time.Sleep(10 * time.Millisecond) // the application takes its time
							more := c.Answered(503)
							if n > 0 {
								again.Add(-1)
							}
							if !more {
								break
							}
						}
						c.Done()
					}
				})
			}
			all.Wait()
			if m := most.Load(); m > int64(max(budgetFloor, people/budgetPart)) {
				t.Errorf("of %d requests under way %d were sent again", people, m)
			}
			if part := float64(tries.Load()) / float64(requests.Load()); people >= 100 && part > 1.25 {
				t.Errorf("%d at once: each request became %.2f", people, part)
			}
		})
	}
}

func TestWhoFailsInARowIsLeftAloneAndForLongerEachTime(t *testing.T) {
	w := newWorld(t)
	o := config.Outliers{Errors: 3, Window: 10 * time.Second, Eject: 30 * time.Second, MaxEjected: 50}
	g := w.route(t, config.Upstream{Outliers: o}, "http://a", "http://b")
	bad := g.members[0]
	fail := func(status int) {
		for ask(t, g, 0, status) != bad {
		}
	}
	isAsked := func() bool {
		one, other := ask(t, g, 0, 200), ask(t, g, 0, 200)
		return one == bad || other == bad
	}
	once := func() {
		for range 2 {
			c := g.Call(0, true)
			if m, _ := c.Next(t.Context()); m == bad {
				c.Failed(Reset, false)
			}
			c.Done()
		}
	}
	once()
	once()
	if !isAsked() { // which it answers well
		t.Fatal("two errors were enough")
	}
	once()
	once()
	w.passes(11 * time.Second)
	once()
	once()
	if !isAsked() {
		t.Fatal("errors that are far apart were enough")
	}
	for _, seconds := range []int{30, 60, 90} {
		for range 3 {
			once()
		}
		if isAsked() {
			t.Fatal("three errors in a row were not enough")
		}
		w.passes(time.Duration(seconds)*time.Second - time.Millisecond)
		if isAsked() {
			t.Errorf("it is back before %d s", seconds)
		}
		w.passes(time.Millisecond)
		if !isAsked() {
			t.Errorf("it is not back after %d s", seconds)
		}
	}
	w.passes(time.Hour)
	for range 3 {
		fail(503)
	}
	w.passes(30 * time.Second)
	if !isAsked() {
		t.Error("after an hour without errors it is left alone for longer than the first time")
	}
}

func TestNotMoreAreEjectedThanTheRouteSays(t *testing.T) {
	for _, c := range []struct{ all, percent, want int }{{1, 100, 1}, {1, 50, 0}, {2, 50, 1}, {3, 50, 1}, {4, 50, 2}, {10, 10, 1}, {10, 0, 0}, {9, 10, 0}} {
		o := config.Outliers{Errors: 1, Window: time.Second, Eject: time.Minute, MaxEjected: c.percent}
		var to []string
		for i := range c.all {
			to = append(to, fmt.Sprintf("http://10.0.0.%d", i+1))
		}
		w := newWorld(t)
		g := w.route(t, config.Upstream{Outliers: o}, to...)
		for range 10 * c.all {
			ask(t, g, 0, 502)
		}
		out := 0
		for _, m := range g.members {
			if m.isOut(g.now()) {
				out++
			}
		}
		if out != c.want {
			t.Errorf("of %d, %d %% at most: %d were ejected, want %d", c.all, c.percent, out, c.want)
		}
	}
}

func TestNoApplicationHasMoreRequestsUnderWayThanItsCircuitSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		circuit := config.Circuit{Requests: 2, Pending: 3, Wait: time.Second}
		g := newWorld(t).route(t, config.Upstream{Circuit: circuit}, "http://a", "http://b")
		var open []*Call
		for range 4 {
			c := g.Call(0, true)
			if _, err := c.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			open = append(open, &c)
		}
		var served []int
		var mu sync.Mutex
		var waiting sync.WaitGroup
		for i := range 3 {
			waiting.Go(func() {
				c := g.Call(0, true)
				defer c.Done()
				if _, err := c.Next(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				served = append(served, i)
			})
			synctest.Wait()
		}
		late := g.Call(0, true)
		if _, err := late.Next(t.Context()); !errors.Is(err, ErrFull) {
			t.Errorf("one more gets %v, want ErrFull", err)
		}
		late.Done()
		open[0].Done() // its place goes from hand to hand
		waiting.Wait()
		if fmt.Sprint(served) != "[0 1 2]" {
			t.Errorf("who waited was served in the order %v", served)
		}
		for _, c := range open[1:] {
			c.Done()
		}
		for _, m := range g.members {
			if m.underWay.Load() != 0 {
				t.Errorf("%d are still counted", m.underWay.Load())
			}
		}
	})
}

func TestWhoWaitsForTooLongOrLeavesGetsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		circuit := config.Circuit{Requests: 1, Pending: 10, Wait: time.Second}
		g := newWorld(t).route(t, config.Upstream{Circuit: circuit}, "http://a")
		c := g.Call(0, true)
		if _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		for _, want := range []error{ErrFull, ErrFull, context.Canceled} {
			go func() {
				c := g.Call(0, true)
				defer c.Done()
				until := t.Context()
				if errors.Is(want, context.Canceled) {
					until = ctx
				}
				if _, err := c.Next(until); !errors.Is(err, want) {
					t.Errorf("the error is %v, want %v", err, want)
				}
			}()
		}
		synctest.Wait()
		leave()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := g.flow.waiting.Load(); n != 0 || len(g.flow.queue) != 0 {
			t.Errorf("%d wait, %d stand in line", n, len(g.flow.queue))
		}
		c.Done()
		ask(t, g, 0, 200)
	})
}

// Many at once, few places, people who leave: nobody waits for ever while there is room, and no place is lost.
func TestPlacesAreNeitherLostNorDoubled(t *testing.T) {
	circuit := config.Circuit{Requests: 2, Pending: 50, Wait: 30 * time.Second}
	g := newWorld(t).route(t, config.Upstream{Circuit: circuit, Balance: "least_request"}, "http://a", "http://b", "http://c")
	var inside [3]atomic.Int64
	var all sync.WaitGroup
	for p := range 40 {
		all.Go(func() {
			for i := range 300 {
				ctx, cancel := context.WithCancel(t.Context())
				if (p+i)%7 == 0 {
					cancel() // has left before it gets a place
				}
				c := g.Call(0, true)
				m, err := c.Next(ctx)
				if err == nil {
					at := &inside[m.Endpoint.Host[0]-'a']
					if at.Add(1) > 2 {
						t.Error("more than two at once")
					}
					at.Add(-1)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				c.Done()
				cancel()
			}
		})
	}
	all.Wait()
	for _, m := range g.members {
		if m.underWay.Load() != 0 {
			t.Errorf("%d are still counted", m.underWay.Load())
		}
	}
}

func TestWhereNobodyMayWaitNobodyIsRefusedWhileThereIsRoom(t *testing.T) {
	g := newWorld(t).route(t, config.Upstream{Circuit: config.Circuit{Requests: 1, Wait: time.Second}}, "http://a")
	g.flow.waiting.Add(1) // somebody is being refused, just now
	defer g.flow.waiting.Add(-1)
	c := g.Call(0, true)
	defer c.Done()
	if _, err := c.Next(t.Context()); err != nil {
		t.Errorf("there is room, and it gets %v", err)
	}
	full := g.Call(0, true)
	defer full.Done()
	if _, err := full.Next(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("there is no room, and it gets %v", err)
	}
}

// Somebody who finds no place takes none meanwhile: of two who ask while there is room for one, one gets it.
func TestWhoIsRefusedTakesNoPlaceFromWhoIsNot(t *testing.T) {
	g := newWorld(t).route(t, config.Upstream{Circuit: config.Circuit{Requests: 1, Wait: time.Second}}, "http://a")
	m := g.members[0]
	if !g.enter(m) {
		t.Fatal("there is room")
	}
	const rounds = 300_000
	asks, gets := make(chan struct{}), make(chan bool)
	go func() {
		for range asks {
			gets <- g.enter(m)
		}
	}()
	defer close(asks)
	for round := range rounds {
		asks <- struct{}{}
		g.leave(m)
		if mine, others := g.enter(m), <-gets; mine == others {
			t.Fatalf("round %d: of two who asked for the only place each was told %t", round, mine)
		}
	}
}
