//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// suite is one run: what is measured with, and what was measured.
type suite struct {
	binary string        // picket
	rounds int           // that a figure is the median of
	during time.Duration // of one round of load
	known  int           // sessions that a node knows at least when the memory of one is taken
	ended  int           // sessions that are revoked, one after the other
	stored int           // sessions in a store that a node is started with
	settle time.Duration // how long memory is watched for its least
	rows   []row

	contenders []*contender
}

// TestNumbers measures everything and prints the table. Parts of it are had by -run, as in -run TestNumbers/start; with
// -short each is one brief round, to see that it works.
func TestNumbers(t *testing.T) {
	s := &suite{rounds: 5, during: 5 * time.Second, known: 6000, ended: 1000, stored: 1_000_000, settle: settleTime}
	if testing.Short() {
		s.rounds, s.during, s.known, s.ended, s.stored = 1, time.Second, 0, 50, 20_000
	}
	s.build(t)
	s.say("%s", machine())
	t.Run("checks", func(t *testing.T) { s.checks(t, allChecks()) })
	t.Run("start", s.start)
	t.Run("cluster", s.cluster)
	t.Run("refresh", s.refresh)
	t.Run("stalls", s.stalls)
	t.Run("million", s.million)
	s.say("median of %d rounds, unless the row says otherwise; %s\n", s.rounds, machine())
	write(os.Stdout, s.rows)
}

// build makes the binary as `make build` does.
func (s *suite) build(t *testing.T) {
	s.binary = filepath.Join(t.TempDir(), "picket")
	s.say("building picket")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", s.binary, "./cmd/picket")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building picket: %v\n%s", err, out)
	}
}

// add takes rows into the table.
func (s *suite) add(rows ...row) { s.rows = append(s.rows, rows...) }

// say tells how far the run is.
func (s *suite) say(format string, args ...any) {
	fmt.Printf("bench: "+format+"\n", args...)
}

// each runs the rounds.
func (s *suite) each(what string, round func(i int) string) {
	for i := range s.rounds {
		s.say("%s, %d of %d: %s", what, i+1, s.rounds, round(i))
	}
}

// machine is what the numbers were taken on, and what else it is doing.
func machine() string {
	return fmt.Sprintf("%s, %d cores, Linux %s, %s, load %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		line("/proc/sys/kernel/osrelease"), runtime.Version(), firstWord(line("/proc/loadavg")))
}

// line is the first of a file, or "?".
func line(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return first
}

// field is the value of the first line `name : value` of a file, or "?".
func field(file, name string) string {
	text, err := os.ReadFile(file)
	_, rest, found := strings.Cut(string(text), name)
	if err != nil || !found {
		return "?"
	}
	value, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(value, " \t:")
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}
