//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopTime is how long a process may take to end by itself.
const stopTime = 20 * time.Second

// process is a program that runs beside the test, and its children, in a process group of their own.
type process struct {
	name   string
	group  int // process group, and the process id of the first in it
	begun  time.Time
	log    string        // file of what it printed
	exited chan struct{} // closed when the first in the group has ended
}

// launch starts a program. It ends with the test at the latest, also when the test is killed.
func launch(t testing.TB, name, log string, env []string, argv ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	p := &process{name: name, log: log, begun: time.Now(), exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	p.group = cmd.Process.Pid
	go func() {
		_ = cmd.Wait() // how it ended is for whoever waits for it to do something
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

// stop asks the process to end and waits until it has; in the end it is killed.
func (p *process) stop() {
	_ = syscall.Kill(p.group, syscall.SIGTERM) // it may have ended
	select {
	case <-p.exited:
	case <-time.After(stopTime):
	}
	p.kill()
}

// kill ends the whole group at once.
func (p *process) kill() {
	select {
	case <-p.exited:
		if len(p.members()) == 0 {
			return // the number of the group may be another's by now
		}
	default:
	}
	_ = syscall.Kill(-p.group, syscall.SIGKILL)
	<-p.exited
}

// until waits for done, asking every few milliseconds, and tells how long after its start that was.
func (p *process) until(t testing.TB, what string, patience time.Duration, done func() bool) time.Duration {
	t.Helper()
	for time.Since(p.begun) < patience {
		if done() {
			return time.Since(p.begun)
		}
		select {
		case <-p.exited:
			t.Fatalf("%s ended before it was %s:\n%s", p.name, what, p.lastWords())
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("%s is not %s after %v:\n%s", p.name, what, patience, p.lastWords())
	return 0
}

// lastWords is the end of what the process printed.
func (p *process) lastWords() string {
	out, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(len(lines)-20, 0):], "\n")
}

// stat is what /proc/PID/stat says of a process from its third field on (proc_pid_stat(5)).
type stat []string

const (
	statGroup  = 2
	statUser   = 11 // ticks
	statSystem = 12 // ticks

	tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux
)

// members are the processes of the group, by their id.
func (p *process) members() map[int]stat {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	found := map[int]stat{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := stat(strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if len(fields) > statSystem && fields[statGroup] == strconv.Itoa(p.group) {
			found[pid] = fields
		}
	}
	return found
}

// cpu is what the group has used so far, user and system.
func (p *process) cpu() time.Duration {
	var ticks int64
	for _, s := range p.members() {
		user, _ := strconv.ParseInt(s[statUser], 10, 64)
		system, _ := strconv.ParseInt(s[statSystem], 10, 64)
		ticks += user + system
	}
	return time.Duration(ticks) * tick
}

// resident is the memory of the group in bytes, as exact as the kernel tells it.
func (p *process) resident(t testing.TB) float64 {
	t.Helper()
	total := 0.0
	for pid := range p.members() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			t.Fatalf("reading the memory of %s: %v", p.name, err)
		}
		_, rest, _ := strings.Cut(string(text), "\nRss:")
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatalf("reading the memory of %s: %v", p.name, err)
		}
		total += float64(kib) * 1024
	}
	return total
}
