//go:build faults

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that is started, and killed, and started again.
type process struct {
	name    string
	command []string
	env     []string // added to a bare environment
	space   *space
	warden  *warden // nil: none
	log     tail

	cmd   *exec.Cmd
	ended chan struct{} // closed when the present run has ended
}

// start runs it. Its thread waits for it and ends with it, for a process dies with the thread that started it.
func (p *process) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, p.env...)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		err := p.space.inside(func() error {
			runtime.LockOSThread() // never unlocked
			err := p.launch(cmd)
			started <- err
			if err != nil {
				return err
			}
			return cmd.Wait()
		})
		if err != nil {
			p.log.note("ended: " + err.Error())
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	p.cmd, p.ended = cmd, ended
}

// launch starts the program on this thread, which is what it inherits everything from.
func (p *process) launch(cmd *exec.Cmd) error {
	if p.warden == nil {
		return cmd.Start()
	}
	calls, err := p.warden.guard()
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return err
	}
	go p.warden.serve(calls)
	return release(cmd.Process.Pid)
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	p.log.note("gets " + s.String())
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) { // that it is over is for others to notice
		t.Errorf("signalling %s: %v", p.name, err)
	}
}

// kill is kill -9: nothing is said, nothing is handed over.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.ended
}

// stopsWithin is how long a process may take to finish what it began and to leave.
const stopsWithin = 40 * time.Second

// stop is what an operator does. A process that does not end is made to tell what it waits for.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopsWithin):
		p.signal(t, syscall.SIGQUIT)
		<-p.ended
		t.Errorf("%s did not end within %s of being told to", p.name, stopsWithin)
	}
}

// tail keeps the last of what a process said, without what only tells of the work.
type tail struct {
	mu    sync.Mutex
	rest  string   // guarded by mu: a line that has not ended
	lines []string // guarded by mu
}

// kept is how many lines a tail keeps, and told how many it tells.
const (
	kept = 4000
	told = 80
)

// Write takes in more.
func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.rest + string(b)
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			l.rest = text
			return len(b), nil
		}
		if !strings.Contains(line, `"message":"request"`) && !strings.Contains(line, "by the operator") {
			l.lines = append(l.lines, line)
		}
		text = rest
		if len(l.lines) > kept {
			l.lines = append([]string(nil), l.lines[kept/2:]...)
		}
	}
}

// note adds a line of the suite's.
func (l *tail) note(text string) {
	_, _ = fmt.Fprintf(l, "── %s %s\n", time.Now().UTC().Format("15:04:05.000"), text) // never fails
}

// String is the end of it.
func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-told):], "\n")
}
