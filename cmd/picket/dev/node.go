package dev

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Node is one of the nodes as it runs now.
type Node struct {
	Name  string
	PID   int    // 0: it is not running
	HTTP  string // HOST:PORT where it takes requests
	Admin string // HOST:PORT of its admin API
	Log   string // file
}

// member is a node that is kept running: a child process, started again when it ends.
type member struct {
	name                        string
	http, admin, broker, client string // HOST:PORT to listen on
	log, store                  string // file, folder
	command                     []string
	env                         []string
	grace                       time.Duration // between asking it to end and killing it
	delay                       time.Duration // before it is started again
	print                       *printer

	mu      sync.Mutex
	pid     int       // guarded by mu, as all below; 0: it is not running
	started time.Time // the process of pid
	ready   bool
	silent  int           // questions in a row that were not answered with yes
	proved  bool          // it has been ready once
	up      chan struct{} // closed when it has
}

// environment is what tells this node from the others.
func (m *member) environment() []string {
	return append([]string{
		"PICKET_NODE=" + m.name,
		"PICKET_HTTP=" + m.http,
		"PICKET_ADMIN=" + m.admin,
		"PICKET_BROKER=" + m.broker,
		"PICKET_CLIENT=" + m.client,
		"PICKET_STORE=" + m.store,
	}, m.env...)
}

// run keeps the node running until ctx ends, and then ends it; hurry, when it ends too, kills it. An error means that
// it cannot run: it could not be started, or ended by itself before it was ever ready.
func (m *member) run(ctx, hurry context.Context) error {
	runtime.LockOSThread() // see apart
	defer runtime.UnlockOSThread()
	for {
		state, err := m.once(ctx, hurry)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		status, _ := state.Sys().(syscall.WaitStatus)
		if !m.hasProved() && !status.Signaled() {
			return fmt.Errorf("%s did not start (%s); its log ends with:\n%s", m.name, state, lastLines(m.log, 10))
		}
		verb := "ended"
		if status.Signaled() {
			verb = "died"
		}
		m.print.say("%s %s (%s); restarting in %s", m.print.paint(bold, m.name), m.print.paint(red, verb), state, m.delay)
		if !pause(ctx, m.delay) {
			return nil
		}
	}
}

// once runs the process until it ends or is ended.
func (m *member) once(ctx, hurry context.Context) (*os.ProcessState, error) {
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", m.name, err)
	}
	defer log.Close()
	c := exec.CommandContext(ctx, m.command[0], m.command[1:]...)
	c.Stdout, c.Stderr = log, log
	c.Env = append(withoutOurs(os.Environ()), m.environment()...)
	c.SysProcAttr = apart()
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = m.grace // then it is killed
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", m.name, err)
	}
	m.began(c.Process.Pid)
	defer m.began(0)
	defer context.AfterFunc(hurry, func() { _ = c.Process.Kill() })() // it has ended already
	_ = c.Wait()                                                      // how it ended is in the state
	return c.ProcessState, nil
}

// withoutOurs is the environment without what would speak to a node: PICKET_ variables of the shell.
func withoutOurs(environment []string) []string {
	var rest []string
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "PICKET_") {
			rest = append(rest, variable)
		}
	}
	return rest
}

func (m *member) began(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid, m.started = pid, time.Now()
}

func (m *member) hasProved() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.proved
}

// node is what the outside may know of it.
func (m *member) node() Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Node{Name: m.name, PID: m.pid, HTTP: m.http, Admin: m.admin, Log: m.log}
}

// lastLines are the last n lines of a file, indented; what cannot be read is said in their place.
func lastLines(path string, n int) string {
	file, err := os.Open(path)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	defer file.Close()
	const most = 16 << 10
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return "  (" + err.Error() + ")"
		}
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + string(bytes.Join(lines, []byte("\n  ")))
}
