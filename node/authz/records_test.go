package authz

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/node/config"
	"picket/policy"
)

// taking is where records end up, in order.
type taking struct {
	mu   sync.Mutex
	all  []string
	soon int // how often Flush was asked for
}

func (k *taking) take(parts [][]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, string(slices.Concat(parts...)))
}

func (k *taking) expect() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.soon++
}

func (k *taking) records() *Records { return NewRecords(k.take, k.expect) }

// deciding is an Authz whose records go there.
func deciding(t *testing.T, to *Records) *Authz {
	return New(Options{Policies: load(t), Node: "n<1>", Log: zerolog.Nop(), Sample: 1, Records: to})
}

func TestARecordThatWaitsIsTheOneThatWasDecided(t *testing.T) {
	waiting, atOnce := new(taking), new(taking)
	later, now := deciding(t, waiting.records()), deciding(t, NewRecords(atOnce.take, nil))
	step := 0
	for range 3 {
		for _, r := range []*config.Route{
			{Name: "wiki", Policies: []string{"team", "quiet"}, Shadow: []string{"staff"}}, {Name: "b\"&\u00e4", Policies: []string{"strong"}},
			{Name: "p", Access: config.Public}, {Name: "a", Access: config.AnyUser, Policies: []string{}}, {Name: "none"},
		} {
			for _, in := range []*policy.Input{benchInput(), signedIn("alice@example.com", "DELETE"), signedIn("m@evil.test", "GET"), {}} {
				step++
				in.Now = time.Unix(int64(step/7), int64(step))
				in.Request.Query = "token=x&q=\"1\""
				if step%5 == 0 {
					in.Data = policy.NewData(map[string]map[string]any{"oncall": {"x": true}})
				}
				if step%9 == 0 {
					in.Certificate.Present, in.Workload.Issuer = true, "https://ci.example.com"
				}
				for _, a := range []*Authz{now, later} {
					id := fmt.Sprint("id-", step)
					copied := *in // which is used again, as the door does
					copied.Request.Header = policy.Headers{"Authorization": "x", "X-Team": fmt.Sprint(step)}
					a.Record(Asked{RequestID: id, Route: r, Input: &copied}, a.Decide(r, &copied))
					clear(copied.Request.Header.(policy.Headers))
					copied = policy.Input{Request: policy.Request{Path: "/another"}}
				}
			}
		}
	}
	if len(waiting.all) == len(atOnce.all) || waiting.soon == 0 {
		t.Errorf("none waits, and Flush is asked for %d times", waiting.soon)
	}
	later.records.Flush()
	if !slices.Equal(waiting.all, atOnce.all) {
		for i := range min(len(waiting.all), len(atOnce.all)) {
			if waiting.all[i] != atOnce.all[i] {
				t.Fatalf("record %d is\n%s, want\n%s", i, waiting.all[i], atOnce.all[i])
			}
		}
		t.Errorf("there are %d records, want %d", len(waiting.all), len(atOnce.all))
	}
}

func TestFlushIsAskedForOnceForAllThatWait(t *testing.T) {
	to := new(taking)
	r := to.records()
	a, route := deciding(t, r), &config.Route{Name: "open", Access: config.Public}
	record := func(n int) {
		for range n {
			a.Record(Asked{Route: route, Input: &policy.Input{}}, a.Decide(route, &policy.Input{}))
		}
	}
	for _, c := range []struct{ add, taken, asked int }{{1, 0, 1}, {1, 0, 1}, {few - 3, 0, 1}, {1, few, 1}, {1, few, 1}, {2 * few, 3 * few, 1}} {
		if record(c.add); len(to.all) != c.taken || to.soon != c.asked {
			t.Errorf("%d more, and %d are taken, and Flush asked for %d times; want %+v", c.add, len(to.all), to.soon, c)
		}
	}
	r.Flush()
	if len(to.all) != 3*few+1 {
		t.Errorf("when it was called %d are taken", len(to.all))
	}
	if record(1); to.soon != 2 {
		t.Errorf("behind it Flush is asked for %d times", to.soon)
	}
}

// TestRecordsOfManyComeOneByOneInTheirOrder adds records of one configuration and of the next, while they are flushed.
func TestRecordsOfManyComeOneByOneInTheirOrder(t *testing.T) {
	to := new(taking)
	var busy atomic.Bool
	r := NewRecords(func(parts [][]byte) {
		if busy.Swap(true) {
			t.Error("two are taken at the same time")
		}
		runtime.Gosched()
		to.take(parts)
		busy.Store(false)
	}, to.expect)
	route := &config.Route{Name: "open", Access: config.Public}
	const adders, each = 8, 2000
	var all sync.WaitGroup
	for i := range adders {
		a := deciding(t, r)
		all.Go(func() {
			for n := range each {
				in := &policy.Input{}
				in.Certificate.Present = n%50 == 49 // it cannot wait
				a.Record(Asked{RequestID: fmt.Sprintf("%d/%d", i, n), Route: route, Input: in}, a.Decide(route, in))
				if n%3 == 0 {
					r.Flush()
				}
			}
		})
	}
	all.Wait()
	r.Flush()
	next := make([]int, adders)
	for _, text := range to.all {
		var i, n int
		_, id, _ := strings.Cut(text, `"request_id":"`)
		if _, err := fmt.Sscanf(id, "%d/%d", &i, &n); err != nil || n != next[i] {
			t.Fatalf("behind %d of %d comes %s", next[i]-1, i, text)
		}
		next[i]++
	}
	if len(to.all) != adders*each {
		t.Errorf("there are %d records", len(to.all))
	}
}

// broken is a header that cannot be read for a bug, until it is mended.
type broken struct{ mended bool }

func (b *broken) Field(string) (string, bool) {
	if !b.mended {
		panic("a bug")
	}
	return "x", true
}

// TestABugInOneRecordHoldsUpNoOthers has reading, writing and taking a record fail, wherever that may happen.
func TestABugInOneRecordHoldsUpNoOthers(t *testing.T) {
	header, taken := &broken{mended: true}, 0
	failing := false
	r := NewRecords(func(parts [][]byte) {
		if failing {
			panic("a bug")
		}
		taken++
		if record := slices.Concat(parts...); !json.Valid(record) {
			t.Errorf("%s is no JSON", record)
		}
	}, func() {})
	a, route := deciding(t, r), &config.Route{Name: "wiki", Access: config.AnyUser}
	one := func(in policy.Input) func() {
		in.Request.Header = header
		return func() { a.Record(Asked{Route: route, Input: &in}, Verdict{}) }
	}
	kept, atOnce := one(policy.Input{}), one(policy.Input{Certificate: policy.Certificate{Present: true}})
	fails := func(do func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Error("nothing failed")
			}
		}()
		do()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		header.mended = false
		fails(kept)
		fails(atOnce)
		header.mended, failing = true, true
		kept()
		r.Flush() // nobody is there who could be told, and the node goes on
		kept()
		fails(atOnce)
		for range few {
			kept()
		}
		failing = false
		kept()
		atOnce()
		kept()
		r.Flush()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("they wait for ever")
	}
	if taken != 3 {
		t.Errorf("%d are taken", taken)
	}
}
