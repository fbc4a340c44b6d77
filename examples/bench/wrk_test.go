//go:build bench

package bench

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The load of FIELD.md's table.
const (
	wrkThreads     = 2
	wrkConnections = 64
)

// load is what wrk measured in one round.
type load struct {
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`
	Took     int64 `json:"took"`    // µs
	Refused  int64 `json:"refused"` // status 400 and above
	Failed   int64 `json:"failed"`  // no answer at all
	P50      int64 `json:"p50"`     // µs
	P99      int64 `json:"p99"`     // µs
}

func (l load) rate() float64 { return float64(l.Requests) / (float64(l.Took) / 1e6) }

// wrk loads an address for a while. Every answer must be the application's.
func wrk(t testing.TB, address string, headers []string, size int64, during time.Duration) load {
	t.Helper()
	args := []string{"-t", strconv.Itoa(wrkThreads), "-c", strconv.Itoa(wrkConnections), "-d", strconv.Itoa(int(during.Seconds())) + "s",
		"--timeout", "10s", "--latency", "-s", "testdata/done.lua"}
	for _, h := range headers {
		args = append(args, "-H", h)
	}
	out, err := exec.CommandContext(t.Context(), "wrk", append(args, address)...).CombinedOutput()
	if err != nil {
		t.Fatalf("running wrk: %v\n%s", err, out)
	}
	text := strings.TrimSpace(string(out))
	var l load
	if err := json.Unmarshal([]byte(text[strings.LastIndexByte(text, '\n')+1:]), &l); err != nil {
		t.Fatalf("reading what wrk measured: %v\n%s", err, out)
	}
	if l.Requests == 0 || l.Refused+l.Failed > 0 || l.Bytes < l.Requests*size {
		t.Fatalf("%s: not every answer was the application's:\n%s", address, out)
	}
	return l
}
