//go:build bench

package bench

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// door is the part of a run that compares what a request costs picket with what it costs other proxies.
type door struct {
	*suite
	keys  *keys
	only  []string // names of peers; none: all
	parts []string // names of parts; none: all
}

// TestDoor loads picket and its peers in turn, and prints one table. PEERS and PART name some of them, with commas
// between; ROUNDS is how many there are of them, each a second for each peer in each way to ask. With BEFORE, the path of another build
// of picket, that is measured as well. With PROFILE the node is profiled, too, and what it does is told.
func TestDoor(t *testing.T) {
	// What shares a processor with others is faster and slower from one second to the next: many brief rounds tell more than a few
	// long ones.
	d := &door{suite: &suite{rounds: 15, during: time.Second, settle: settleTime}, keys: newKeys(t),
		only: list(os.Getenv("PEERS")), parts: list(os.Getenv("PART"))}
	if testing.Short() {
		d.rounds, d.settle = 3, 2*time.Second
	}
	if text := os.Getenv("ROUNDS"); text != "" {
		var err error
		if d.rounds, err = strconv.Atoi(text); err != nil || d.rounds < 1 {
			t.Fatalf("ROUNDS is %q, and is to be a number of rounds", text)
		}
	}
	d.build(t)
	d.say("%s", machine())
	application := launchApplication(t)
	t.Run("off", func(t *testing.T) { d.load(t, application, false) })
	t.Run("logged", func(t *testing.T) { d.load(t, application, true) })
	t.Run("latency", func(t *testing.T) { d.latency(t, application) })
	t.Run("idle", func(t *testing.T) { d.idle(t, application) })
	t.Run("sockets", func(t *testing.T) { d.sockets(t, application) })
	t.Run("lookup", d.lookup)
	t.Run("profile", func(t *testing.T) { d.profile(t, application) })
	d.say("median of %d rounds of %v, of ratios the median of those within a round; %s\n", d.rounds, d.during, machine())
	d.print(os.Stdout)
}

// takes tells whether a part is asked for. Those that short has not are only measured when they are named.
func (s *door) takes(part string, short bool) bool {
	if len(s.parts) == 0 {
		return short || !testing.Short()
	}
	return slices.Contains(s.parts, part)
}

// lookup measures how long it takes to find a route.
func (s *door) lookup(t *testing.T) {
	if !s.takes("lookup", false) {
		return
	}
	s.checks(t, lookupCheck())
}

// cell is one way to ask: all peers are loaded with it, in turn.
type cell struct {
	part, what string
	safe, h2   bool // TLS; HTTP/2 over it
	path       string
	size       int64
	log        bool
	short      bool    // is part of the short form
	most       float64 // the goal for a protected request: times what nginx takes
}

// cells are all of them.
func cells() []cell {
	return []cell{
		{part: "http1", what: "HTTP/1.1, 1 KiB", path: "/", size: bodySize, short: true, most: 1.35},
		{part: "tls", what: "TLS, 1 KiB", safe: true, path: "/", size: bodySize, short: true, most: 1.2},
		{part: "h2", what: "HTTP/2, 1 KiB", safe: true, h2: true, path: "/", size: bodySize, short: true, most: 1.5},
		{part: "large", what: "HTTP/1.1, 100 KiB", path: "/large", size: largeSize, short: true, most: 1.5},
		{part: "large-tls", what: "TLS, 100 KiB", safe: true, path: "/large", size: largeSize, most: 1.5},
		{part: "large-h2", what: "HTTP/2, 100 KiB", safe: true, h2: true, path: "/large", size: largeSize, most: 1.5},
		{part: "log", what: "HTTP/1.1, 1 KiB, access log", path: "/", size: bodySize, log: true, short: true, most: 1.35},
		{part: "log-tls", what: "TLS, 1 KiB, access log", safe: true, path: "/", size: bodySize, log: true, most: 1.2},
		{part: "log-h2", what: "HTTP/2, 1 KiB, access log", safe: true, h2: true, path: "/", size: bodySize, log: true, most: 1.5},
	}
}

// load runs the cells with or without an access log.
func (s *door) load(t *testing.T, application nginx, log bool) {
	wanted := slices.DeleteFunc(cells(), func(c cell) bool { return c.log != log || !s.takes(c.part, c.short) })
	if len(wanted) == 0 {
		return
	}
	var all []*contender
	peers := s.peers(t, application, log)
	for _, c := range wanted {
		for _, p := range peers {
			all = append(all, newContender(p, c))
		}
	}
	for _, c := range all {
		c.ask(t, time.Second) // connections to the application are made, caches are warm
	}
	s.each("door", func(int) (told string) {
		for _, c := range all {
			told += c.round(t, s.during)
		}
		return told
	})
	s.contenders = append(s.contenders, all...)
}
