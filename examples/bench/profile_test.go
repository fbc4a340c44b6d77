//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// profileTime is how long the node is watched, in seconds.
const profileTime = 8

// profile watches what a node spends its time on while protected requests come in over HTTP/1.1, and tells it by
// packages. It is left in the folder that PROFILE names, for `go tool pprof`. PROFILED names another cell than http1.
func (s *door) profile(t *testing.T, application nginx) {
	dir := os.Getenv("PROFILE")
	if dir == "" {
		return
	}
	what := cells()[0]
	for _, c := range cells() {
		if c.part == os.Getenv("PROFILED") {
			what = c
		}
	}
	s.only = []string{peerProtected}
	c := newContender(s.peers(t, application, what.log)[0], what)
	c.ask(t, time.Second)
	asked := make(chan string)
	go func() {
		asked <- c.doorway.node.ask(http.MethodGet, "/debug/pprof/profile?seconds="+strconv.Itoa(profileTime))
	}()
	c.round(t, (profileTime+1)*time.Second)
	file := filepath.Join(dir, "protected-"+what.part+".pprof")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(<-asked), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", file).Output()
	if err != nil {
		t.Fatalf("reading the profile: %v", err)
	}
	s.say("%s, %s a request; the profile is %s\n%s", what.what, duration(last(c.cost)), file, byGroups(string(out), last(c.cost)))
}

// group is what is spent in some packages.
type group struct {
	name      string
	share     float64            // of all, per cent
	functions map[string]float64 // their shares
}

// spent reads the output of `pprof -top`, whose lines are `flat flat% sum% cum cum% function`.
func spent(top string) []*group {
	groups := map[string]*group{}
	for line := range strings.Lines(top) {
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.HasSuffix(fields[1], "%") {
			continue
		}
		share, err := strconv.ParseFloat(strings.TrimSuffix(fields[1], "%"), 64)
		if err != nil {
			continue
		}
		function := strings.Join(fields[5:], " ")
		name := groupOf(function)
		g := groups[name]
		if g == nil {
			g = &group{name: name, functions: map[string]float64{}}
			groups[name] = g
		}
		g.share += share
		g.functions[function] += share
	}
	return slices.SortedFunc(maps.Values(groups), func(a, b *group) int { return cmp.Compare(b.share, a.share) })
}

// packageOf is the package of a function such as picket/node/proxy.(*Door).take.
func packageOf(function string) string {
	name, _, _ := strings.Cut(function, "[") // type parameters hold slashes of their own
	slash := strings.LastIndexByte(name, '/') + 1
	end := strings.IndexByte(name[slash:], '.')
	if end < 0 {
		return name
	}
	return name[:slash+end]
}

// What the runtime's functions are for, by a part of their names; the first that fits.
var runtimeGroups = []struct {
	name  string
	parts []string
}{
	{"runtime: garbage collection", []string{"gcDrain", "scanobject", "scanObject", "scanblock", "greyobject", "sweep", "gcBgMark", "markBits", "wbBuf", "gcWrite",
		"findObject", "heapBits", "spanOf", "gcMark", "gcAssist", "tryDeferToSpanScan", "scanSpan", "scavenge", "bgscavenge", "gcw", "gcWork", "spanQueue", "scanstack", "scanframe", "(*mspan).base", "typePointers"}},
	{"runtime: allocation", []string{"malloc", "mcache", "mcentral", "nextFree", "newobject", "makeslice", "growslice", "deductAssist", "publicationBarrier", "(*mheap)", "concatstring",
		"slicebytetostring", "stringtoslicebyte", "rawstring", "rawbyteslice", "memclr", "newarray", "divRoundUp"}},
	{"runtime: maps and hashes", []string{"runtime/maps.", "mapaccess", "mapassign", "mapiter", "aeshash", "memhash", "strhash", "mapdelete"}},
	{"runtime: copying and comparing", []string{"memmove", "memequal", "cmpstring", "bytealg"}},
	{"runtime: scheduling, timers, polling", []string{"futex", "schedule", "findRunnable", "park", "ready", "runq", "steal", "netpoll", "lock2", "unlock2", "mcall", "gogo",
		"timer", "wakep", "startm", "stopm", "notesleep", "notewakeup", "execute", "casgstatus", "procyield", "osyield", "usleep", "selectgo", "chan", "send", "recv", "sema", "epoll", "pMask",
		"pidle", "checkTimers", "nanotime", "walltime", "time.now", "entersyscall", "exitsyscall", "reentersyscall", "acquirep", "releasep", "morestack", "newstack", "goexit", "gosched", "systemstack"}},
}

// groupOf is the group that a function belongs to.
func groupOf(function string) string {
	in := packageOf(function)
	first, rest, _ := strings.Cut(in, "/")
	switch {
	case !strings.Contains(function, "."): // assembly, such as aeshashbody
		return "runtime: maps and hashes"
	case strings.HasSuffix(in, "runtime/syscall") || in == "syscall" || in == "internal/runtime/syscall/linux":
		return "system calls"
	case in == "runtime" || first == "internal" && strings.HasPrefix(rest, "runtime") || in == "internal/bytealg" || in == "runtime/internal/atomic":
		for _, g := range runtimeGroups {
			if slices.ContainsFunc(g.parts, func(part string) bool { return strings.Contains(function, part) }) {
				return g.name
			}
		}
		return "runtime: the rest"
	case in == "net" || strings.HasPrefix(in, "internal/poll"):
		return "net, internal/poll"
	case first == "crypto" || strings.HasPrefix(in, "crypto") || strings.HasPrefix(in, "vendor/golang.org/x/crypto"):
		return "crypto"
	}
	return in
}

// byGroups writes where the time of a request goes, the greatest first.
func byGroups(top string, each float64) string {
	var out strings.Builder
	for _, g := range spent(top) {
		if g.share < 0.4 {
			continue
		}
		fmt.Fprintf(&out, "%6.1f %%  %8s  %s\n", g.share, duration(g.share/100*each), g.name)
		names := slices.SortedFunc(maps.Keys(g.functions), func(a, b string) int { return cmp.Compare(g.functions[b], g.functions[a]) })
		for _, name := range names[:min(len(names), 4)] {
			if g.functions[name] >= 0.3 {
				fmt.Fprintf(&out, "                       %5.1f %%  %s\n", g.functions[name], name)
			}
		}
	}
	return out.String()
}
