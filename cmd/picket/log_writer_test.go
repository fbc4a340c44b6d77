package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"picket/node/config"
)

// writes are the pieces that were written, each as it came.
type writes struct {
	mu  sync.Mutex
	all []string
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), w.err
}

// holds fails the test unless these pieces were written since it was last asked.
func (w *writes) holds(t *testing.T, when string, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprintf("%q", w.all) != fmt.Sprintf("%q", want) {
		t.Errorf("%s there is %.40q, want %.40q", when, w.all, want)
	}
	w.all = nil
}

func TestLinesAreHeldWhereManyCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := new(writes)
		w := &logWriter{to: to, hold: logHold}
		tell := func(level zerolog.Level, line string) { _, _ = w.WriteLevel(level, []byte(line+"\n")) }
		tell(zerolog.InfoLevel, "a")
		to.holds(t, "after silence", "a\n")
		tell(zerolog.InfoLevel, "b")
		time.Sleep(logHold / 2)
		tell(zerolog.InfoLevel, "c")
		to.holds(t, "before its time")
		time.Sleep(logHold / 2)
		synctest.Wait()
		to.holds(t, "in time", "b\nc\n")
		tell(zerolog.InfoLevel, "d")
		tell(zerolog.WarnLevel, "e")
		to.holds(t, "after a warning", "d\ne\n")
		tell(zerolog.DebugLevel, "f")
		fmt.Fprintln(w, "of no level")
		to.holds(t, "after what may be important", "f\nof no level\n")
		long := strings.Repeat("x", logRoom-2)
		tell(zerolog.InfoLevel, long)
		to.holds(t, "up to the room")
		tell(zerolog.InfoLevel, "")
		to.holds(t, "beyond the room", long+"\n\n")
		tell(zerolog.InfoLevel, "g")
		w.Straight()
		to.holds(t, "at the end", "g\n")
		tell(zerolog.InfoLevel, "h")
		to.holds(t, "behind the end", "h\n")
		time.Sleep(2 * logHold)
		synctest.Wait()
		to.holds(t, "later")
	})
}

func TestALineAfterSilenceIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := new(writes)
		w := &logWriter{to: to, hold: logHold}
		for range 3 {
			_, _ = w.WriteLevel(zerolog.InfoLevel, []byte("a\n"))
			to.holds(t, "after silence", "a\n")
			time.Sleep(logHold)
		}
	})
}

func TestAnErrorOfTheLogIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &writes{err: errors.New("full")}
		w := &logWriter{to: to, hold: logHold}
		tell := func() error { _, err := w.WriteLevel(zerolog.InfoLevel, []byte("a\n")); return err }
		if err := tell(); err == nil {
			t.Error("no error of what could not be written")
		}
		_ = tell()
		to.err = nil
		w.flush()
		if err := tell(); err != nil {
			t.Error(err)
		}
		to.err = errors.New("full again")
		w.flush()
		if err := tell(); err == nil {
			t.Error("no error of what could not be written later")
		}
		if err := tell(); err != nil {
			t.Errorf("told twice: %v", err)
		}
	})
}

// disk takes so many bytes, and then none.
type disk struct {
	room int
	text string
}

func (d *disk) Write(p []byte) (n int, err error) {
	if n = min(len(p), d.room); n < len(p) {
		err = errors.New("full")
	}
	d.room, d.text = d.room-n, d.text+string(p[:n])
	return n, err
}

func TestALineBehindOneThatWasCutIsWhole(t *testing.T) {
	to := &disk{room: 6}
	w := &logWriter{to: to}
	for range 3 {
		_, _ = w.WriteLevel(zerolog.InfoLevel, []byte("aaa\n"))
	}
	to.room = 100
	for range 2 {
		if _, err := w.WriteLevel(zerolog.InfoLevel, []byte("bbb\n")); err != nil {
			t.Fatal(err)
		}
	}
	if to.text != "aaa\naa\nbbb\nbbb\n" {
		t.Errorf("%q", to.text)
	}
}

func TestLinesOfManyAreWholeAndInOrder(t *testing.T) {
	to := new(writes)
	w := &logWriter{to: to, hold: time.Millisecond}
	log := newLog(w, config.Telemetry{}, false)
	const writers, each = 8, 2000
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				e := log.Info()
				if n%500 == 499 {
					e = log.Warn()
				}
				e.Int("writer", i).Int("n", n).Str("filler", strings.Repeat("x", n%300)).Msg("request")
			}
		})
	}
	all.Wait()
	w.Straight()
	next := make([]int, writers)
	for line := range strings.Lines(strings.Join(to.all, "")) {
		var told struct{ Writer, N int }
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatalf("%.100s: %v", line, err)
		}
		i, n := told.Writer, told.N
		if n != next[i] || !strings.HasSuffix(line, "\"message\":\"request\"}\n") {
			t.Fatalf("after %d of %d comes %s", next[i], i, line)
		}
		next[i]++
	}
	for i, n := range next {
		if n != each {
			t.Errorf("%d wrote %d lines", i, n)
		}
	}
	for _, piece := range to.all {
		if !strings.HasSuffix(piece, "\n") || len(piece) > logRoom+1000 {
			t.Errorf("a piece of %d bytes ends with %.20q", len(piece), piece[max(0, len(piece)-20):])
		}
	}
}

func TestTheLogIsWrittenLineByLineWhereSomebodyReadsAlong(t *testing.T) {
	for name, c := range map[string]struct {
		terminal terminal
		format   string
		want     time.Duration
	}{
		"a file":           {terminal{}, "json", logHold},
		"a terminal":       {terminal{width: 80}, "json", 0},
		"words for people": {terminal{}, "console", 0},
	} {
		if got := c.terminal.logTo(config.Telemetry{LogFormat: c.format}).hold; got != c.want {
			t.Errorf("into %s lines are held for %s", name, got)
		}
	}
}

func TestTheTimeOfALineIsThatOfItsWriting(t *testing.T) {
	s := new(stamp)
	at := time.Date(2026, 12, 31, 23, 59, 59, 998_999_999, time.FixedZone("west", -3600))
	for range 5 {
		if got, want := string(s.append(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000Z07:00"); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
		at = at.Add(time.Millisecond)
	}
}

// BenchmarkLogLine is what a line like those of requests costs, into a file: each by itself, and as they are held.
func BenchmarkLogLine(b *testing.B) {
	for name, hold := range map[string]time.Duration{"alone": 0, "held": logHold} {
		b.Run(name, func(b *testing.B) {
			file, err := os.Create(filepath.Join(b.TempDir(), "log"))
			if err != nil {
				b.Fatal(err)
			}
			defer file.Close()
			w := &logWriter{to: file, hold: hold}
			log := newLog(w, config.Telemetry{}, false)
			b.ReportAllocs()
			for b.Loop() {
				log.Info().Str("request_id", "0123456789abcdef0123456789abcdef").Str("path", "/some/page").Int("status", 200).
					Str("user", "0123456789abcdef").Str("email", "alice@example.com").Str("client", "10.1.2.3").Msg("request")
			}
			w.Straight()
		})
	}
}
