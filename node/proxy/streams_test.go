package proxy

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"picket/node/authn"
	"picket/node/proxy/http1"
)

// admitted is a request of a session that stands among those under way.
func admitted(t *streams, session, user string) *stream {
	a := &ask{r: &http1.Request{}}
	a.in.Session.ID, a.in.User.ID = session, user
	return t.add(a, 0)
}

// Whoever is under way from before a change is heard until after it is found by it, whatever comes and goes meanwhile.
func TestAChangeFindsWhatIsUnderWayWhileOthersComeAndGo(t *testing.T) {
	streams := newStreams()
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				one := admitted(streams, fmt.Sprint("s", (n+i)%3), "u")
				two := admitted(streams, fmt.Sprint("s", (n+i)%3), "u")
				streams.remove(one)
				streams.remove(two)
			}
		})
	}
	for n := 0; n < 1000 && !t.Failed(); n++ {
		session := fmt.Sprint("s", n%3)
		s := admitted(streams, session, "u")
		for _, c := range []authn.Change{{Session: session}, {User: "u"}, {}} {
			if !slices.Contains(streams.pick(c), s) {
				t.Errorf("%+v does not find a request of session %s", c, session)
			}
		}
		streams.remove(s)
		if slices.Contains(streams.pick(authn.Change{Session: session}), s) {
			t.Error("a request that is over is found")
		}
	}
	close(stop)
	all.Wait()
	if left := streams.pick(authn.Change{}); len(left) > 0 {
		t.Errorf("%d are under way when all are over", len(left))
	}
}

// There are fewer rings than sessions: what touches one of a ring touches no other.
func TestAChangeFindsNobodyElse(t *testing.T) {
	streams := newStreams()
	var all []*stream
	for i := range 3 * streamRings {
		all = append(all, admitted(streams, fmt.Sprint("s", i), fmt.Sprint("u", i)))
	}
	if got := streams.count(); got != len(all) {
		t.Errorf("%d are counted; want %d", got, len(all))
	}
	for i, s := range all {
		if got := streams.pick(authn.Change{Session: fmt.Sprint("s", i)}); !slices.Equal(got, all[i:i+1]) {
			t.Fatalf("a change of session %d finds %d requests", i, len(got))
		}
		if i%100 == 0 {
			if got := streams.pick(authn.Change{User: fmt.Sprint("u", i)}); !slices.Equal(got, []*stream{s}) {
				t.Fatalf("a change of user %d finds %d requests", i, len(got))
			}
		}
	}
}

func BenchmarkStreams(b *testing.B) {
	streams, a := newStreams(), &ask{r: &http1.Request{}}
	a.in.Session.ID = "AAAAAAAAAAAAAAAAAAAAAA"
	b.ReportAllocs()
	for b.Loop() {
		streams.remove(streams.add(a, 0))
	}
}
