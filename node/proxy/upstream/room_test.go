package upstream

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"picket/node/config"
)

// Many applications without room, and one with: whoever asks by hash finds it, wherever it stands.
func TestByHashRoomIsFoundAmongAnyNumber(t *testing.T) {
	var to []string
	for i := range 150 {
		to = append(to, fmt.Sprintf("http://10.0.0.%d", i+1))
	}
	g := newWorld(t).route(t, config.Upstream{Balance: "hash", Circuit: config.Circuit{Requests: 1}}, to...)
	got := map[*Member]bool{}
	for range to {
		c := g.Call(7, false)
		defer c.Done()
		m, err := c.Next(t.Context())
		if err != nil {
			t.Fatalf("%d of %d have a request, and one more gets %v", len(got), len(to), err)
		}
		got[m] = true
	}
	if len(got) != len(to) {
		t.Errorf("%d have a request", len(got))
	}
	full := g.Call(7, false)
	defer full.Done()
	if _, err := full.Next(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("there is no room, and it gets %v", err)
	}
}

// tryOn has the next try of a call fail at one of two applications, of which the other is full.
func tryOn(t *testing.T, c *Call) (at *Member) {
	t.Helper()
	at, err := c.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Answered(503) {
		t.Fatal("it is not to be sent again")
	}
	c.pause = 0
	return at
}

func TestWhoWaitsTakesAPlaceWhereItAskedBefore(t *testing.T) {
	settings := config.Upstream{Circuit: config.Circuit{Requests: 1, Pending: 10, Wait: time.Minute}, Retry: twice, Health: asked}
	for name, becomes := range map[string]func(g *Group, other, tried *Call){
		"when there is no other any more": func(g *Group, other, _ *Call) {
			for i, m := range g.members {
				turn(g, i, healthy)
				if m == other.current {
					turn(g, i, unhealthy)
				}
			}
			other.Done()
		},
		"when that is the one that is free": func(_ *Group, _, tried *Call) { tried.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newWorld(t).route(t, settings, "http://a", "http://b")
				c := g.Call(0, true)
				defer c.Done()
				before := tryOn(t, &c)
				c.leave()
				var others [2]Call
				var at [2]*Call // by member: who has its place
				for i := range others {
					others[i] = g.Call(0, true)
					defer others[i].Done()
					if m, err := others[i].Next(t.Context()); err != nil {
						t.Fatal(err)
					} else if m == before {
						at[0] = &others[i]
					} else {
						at[1] = &others[i]
					}
				}
				began, given := time.Now(), make(chan struct{})
				go func() {
					defer close(given)
					synctest.Wait()
					becomes(g, at[1], at[0])
					synctest.Wait()
					at[0].Done()
				}()
				m, err := c.Next(t.Context())
				<-given // the same are done once more at the end
				if err != nil || m != before || time.Since(began) > 0 {
					t.Errorf("after %s: %v, %v", time.Since(began), m, err)
				}
			})
		})
	}
}

// Whoever is called and finds that somebody came between is first in line again.
func TestWhoIsCalledInVainKeepsItsTurn(t *testing.T) {
	f := &flow{}
	first := f.join(false)
	second := f.join(false)
	f.wake()
	<-first
	again := f.join(true)
	f.wake()
	select {
	case <-again:
	case <-second:
		t.Error("somebody else is called before it")
	}
}

func TestACallEndsWhereNobodyCanBeConnectedTo(t *testing.T) {
	var to []string
	for i := range 3 * mostTries {
		to = append(to, fmt.Sprintf("http://10.0.0.%d", i+1))
	}
	g := newWorld(t).route(t, config.Upstream{}, to...)
	c := g.Call(0, false)
	defer c.Done()
	tries := 1
	for ; ; tries++ {
		if _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.tried = nil // as when it had to wait
		if !c.Failed(Connect, true) {
			break
		}
	}
	if tries != mostTries {
		t.Errorf("it was tried %d times", tries)
	}
}
