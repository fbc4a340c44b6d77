//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lastLines is how much of a program's log is shown when a test has failed.
const lastLines = 60

// endWithin is how long a program may take to finish what it began and to leave.
const endWithin = time.Minute

// process is a program that is started, and perhaps started again, as an operator or a crash would have it.
type process struct {
	name    string
	command []string
	env     []string // added to a bare environment
	log     output   // of all its runs

	cmd   *exec.Cmd
	ended chan struct{} // closed when the present run has ended
}

// start runs it until the end of the test at the latest. When the test fails, what it said is shown.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.command[0], p.command[1:]...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, p.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	// In a group of its own, so that an interrupt of the suite is not one of a node; and never longer than the suite.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	cmd, ended := p.cmd, make(chan struct{})
	p.ended = ended
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in the log
	}()
}

// keep sees to it that processes do not outlive the test, and that their logs are shown when the test has failed.
func keep(t *testing.T, all ...*process) {
	t.Cleanup(func() {
		began := time.Now()
		for _, p := range all { // at once, as a machine that is shut down does it
			if p.cmd != nil && !p.hasEnded() {
				p.signal(t, syscall.SIGCONT)
				p.signal(t, syscall.SIGTERM)
			}
		}
		for _, p := range all {
			if p.cmd == nil {
				continue
			}
			p.end(t)
			if took := time.Since(began); took > time.Second {
				t.Logf("%s took %s to end", p.name, took)
			}
		}
		for _, p := range all {
			if t.Failed() {
				t.Logf("── %s said:\n%s", p.name, p.log.tail(lastLines))
			}
		}
	})
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

// stop is what an operator does, and waits until it is done.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.end(t)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s ended with %s", p.name, p.cmd.ProcessState)
	}
}

// end waits for a process that was told to end. One that does not is made to tell what it is waiting for.
func (p *process) end(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(endWithin):
		p.signal(t, syscall.SIGQUIT)
		<-p.ended
		_, stacks, _ := strings.Cut(p.log.String(), "SIGQUIT")
		t.Errorf("%s did not end within %s of being told to, and was at\n%s", p.name, endWithin, stacks)
	}
}

// freeze stops the process without its knowing, as a suspended machine or a stalled disk would.
func (p *process) freeze(t *testing.T) { p.signal(t, syscall.SIGSTOP) }

// thaw lets it go on.
func (p *process) thaw(t *testing.T) { p.signal(t, syscall.SIGCONT) }

// output collects what a process says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

// Write takes in more.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// String is all there is so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// tail is the last that it said, without the requests that went well.
func (o *output) tail(lines int) string {
	var all []string
	for line := range strings.Lines(o.String()) {
		if !strings.Contains(line, `"status":200`) {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
