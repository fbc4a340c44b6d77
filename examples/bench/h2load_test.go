//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// As many requests at once as wrk has, some of them on the same connection, as browsers do.
const (
	h2loadThreads     = wrkThreads
	h2loadConnections = 16
	h2loadStreams     = wrkConnections / h2loadConnections
)

// h2load loads an address over HTTP/2 and TLS for a while. Every answer must be the application's.
func h2load(t testing.TB, d doorway, path string, size int64, during time.Duration) load {
	t.Helper()
	times := filepath.Join(t.TempDir(), "times")
	args := []string{"-t", strconv.Itoa(h2loadThreads), "-c", strconv.Itoa(h2loadConnections), "-m", strconv.Itoa(h2loadStreams),
		"-D", during.String(), "--log-file", times, "--connect-to", d.address}
	if d.cookie != "" {
		args = append(args, "-H", "cookie: "+d.cookie)
	}
	out, err := exec.CommandContext(t.Context(), "h2load", append(args, "https://"+d.authority()+d.base+path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("running h2load: %v\n%s", err, out)
	}
	l := readTimes(t, times)
	l.Took = during.Microseconds()
	bytesOfBodies := number(string(out), "traffic: ", ", ", ") data")
	if l.Requests == 0 || l.Refused > 0 || !bytes.Contains(out, []byte(" 0 failed, 0 errored, 0 timeout")) || bytesOfBodies < l.Requests*size {
		t.Fatalf("%s: not every answer was the application's:\n%s", d.address, out)
	}
	return l
}

// readTimes reads lines of `start time, status, microseconds`.
func readTimes(t testing.TB, file string) (l load) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var took []int64
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var start, status, micros int64
		if _, err := fmt.Sscan(lines.Text(), &start, &status, &micros); err != nil {
			t.Fatalf("reading what h2load measured: %v in %q", err, lines.Text())
		}
		if status != 200 {
			l.Refused++
		}
		took = append(took, micros)
	}
	l.Requests, l.P50, l.P99 = int64(len(took)), percentile(took, 50), percentile(took, 99)
	return l
}

// number reads `(DIGITS` before an ending, in the line that begins so.
func number(text, begins, after, ends string) int64 {
	_, rest, _ := strings.Cut(text, begins)
	line, _, _ := strings.Cut(rest, "\n")
	before, _, _ := strings.Cut(line, ends)
	digits := before[strings.LastIndexByte(before, '(')+1:]
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return value
}
