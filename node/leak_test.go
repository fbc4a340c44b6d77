package node

import (
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestAHundredReloadsLeaveNothingBehind changes everything that may change, again and again.
func TestAHundredReloadsLeaveNothingBehind(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	b := w.browser(w.nodes[0])
	b.visit(wiki, "alice")
	c := b.socket(wiki)
	edition := func(i int) {
		t.Helper()
		odd := openToStaff
		if i%2 == 1 {
			odd += `
listen "second" { address = "127.0.0.1:0" }
identity "second" {
  kind      = "oidc"
  issuer    = env("ISSUER")
  client_id = "picket` + strconv.Itoa(i) + `"
  client_secret = ""
}
`
		}
		if i%8 == 1 {
			odd += `data "oncall" { bucket = "oncall` + strconv.Itoa(i%16) + `" }`
		}
		w.load(odd + `
route "edition" {
  from    = "http://edition.localhost:8080"
  to      = env("APP")
  public  = true
  timeout = "` + strconv.Itoa(10+i) + `s"
}
`)
		if p := b.get("http://edition.localhost:8080/"); p.StatusCode != http.StatusOK {
			t.Fatalf("edition %d: %s", i, p.Status)
		}
	}
	settled := func() (goroutines int, heap uint64) {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return ours(), m.HeapAlloc
	}
	for i := range 10 {
		edition(i)
	}
	goroutines, heap := settled()
	for i := range 100 {
		edition(i)
	}
	edition(9) // where it began
	w.until("the goroutines are as many as before", func() bool { now, _ := settled(); return now <= goroutines+5 })
	w.until("memory is what it was before", func() bool { // the store's server gives back what it holds in its own time
		_, now := settled()
		return now <= heap+8<<20
	})
	if !echoes(w, c) {
		t.Error("a WebSocket that was open all the time was cut")
	}
}

// ours is the number of goroutines but for those of the store's server, which ends what was asked of it in its own time.
func ours() (count int) {
	stacks := make([]byte, 4<<20)
	for one := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if !strings.Contains(one, "nats-server/") {
			count++
		}
	}
	return count
}
