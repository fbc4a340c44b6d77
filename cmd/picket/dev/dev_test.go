package dev

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAClusterRunsHealsAndLeavesNothing(t *testing.T) {
	t.Setenv("PICKET_STRAY", "of the shell, not for nodes")
	d, out, end := startDev(t, "node", Options{Nodes: 3})
	folder := d.folder.path
	if got := visits(t, d, 30); len(got) != 3 {
		t.Errorf("requests went to %v", got)
	}
	before := d.Nodes()
	for _, want := range []string{"starting n1 n2 n3 … ready in ", d.URL("app"), d.URL("admin"), d.URL("public"), "alice", "mallory",
		"pid " + strconv.Itoa(before[0].PID), before[2].Admin, folder, "kill -9 " + strconv.Itoa(before[2].PID),
		"sessions revoke --user alice@example.com --admin " + before[0].Admin} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the banner does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("it is coloured")
	}

	if err := syscall.Kill(before[1].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "n2 is dead", func() bool { return d.Nodes()[1].PID == 0 }) // what it had accepted dies with it
	if got := visits(t, d, 100); got["n1"]+got["n2"]+got["n3"] != 100 {
		t.Errorf("with a node killed, of 100 requests %v were answered", got)
	}
	until(t, "n2 is back", func() bool { return strings.Contains(out.String(), "n2 is ready again") })
	if !strings.Contains(out.String(), "n2 died (signal: killed); restarting in 300ms") {
		t.Errorf("it does not say what happened:\n%s", out)
	}
	after := d.Nodes()
	if after[1].PID == 0 || after[1].PID == before[1].PID || after[0].PID != before[0].PID {
		t.Errorf("before %+v, after %+v", before, after)
	}
	until(t, "n2 gets requests", func() bool { return visits(t, d, 6)["n2"] > 0 })

	if err := end(); err != nil {
		t.Error(err)
	}
	for _, n := range append(before, after...) {
		if alive(n.PID) {
			t.Errorf("%s is still running", n.Name)
		}
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestANodeThatWillNotEndIsKilled(t *testing.T) {
	d, _, end := startDev(t, "stubborn", Options{Nodes: 1, Grace: 50 * time.Millisecond})
	pid := d.Nodes()[0].PID
	if err := end(); err != nil {
		t.Error(err)
	}
	if alive(pid) {
		t.Error("it is still running")
	}
}

func TestASecondSignalKillsAtOnce(t *testing.T) {
	d, out, end := startDev(t, "stubborn", Options{Nodes: 3, Grace: time.Hour})
	pids := d.Nodes()
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	until(t, "it is stopping", func() bool { return strings.Contains(out.String(), "stopping") })
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, n := range pids {
		if alive(n.PID) {
			t.Errorf("%s is still running", n.Name)
		}
	}
}

func TestNothingIsLeftRunningWhenTheParentIsKilled(t *testing.T) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), kind+"=parent", "DEV_TEST_DIR="+t.TempDir())
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil || !alive(pid) {
			t.Fatalf("%q is no process: %v", lines.Text(), err)
		}
		pids = append(pids, pid)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // it was killed
	for _, pid := range pids {
		until(t, "the node is gone", func() bool { return !alive(pid) })
	}
	if len(pids) != 3 {
		t.Errorf("there were %d nodes", len(pids))
	}
}

func TestANodeThatCannotStartIsTold(t *testing.T) {
	t.Setenv(kind, "broken")
	d, out := newDev(t, Options{Nodes: 3})
	err := d.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "did not start (exit status 1)") || !strings.Contains(err.Error(), "the fence has no gate") {
		t.Errorf("got %v", err)
	}
	if !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("the line is left open: %q", out)
	}
	if _, err := os.Stat(d.folder.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestAPortInUseIsAClearError(t *testing.T) {
	taken := listen(t)
	defer taken.Close()
	d, _ := newDev(t, Options{Port: portOf(taken)})
	err := d.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "port "+strconv.Itoa(portOf(taken))+" is in use") || !strings.Contains(err.Error(), "--port") {
		t.Errorf("got %v", err)
	}
}

func TestAFolderIsKeptAndUsedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var kept []string
	for range 2 {
		d, _, end := startDev(t, "node", Options{Nodes: 1, Dir: dir})
		if err := end(); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, read("dev.json"))
		if !strings.Contains(read("cluster.hcl"), d.configuration.Issuer) {
			t.Error("cluster.hcl is not of this run")
		}
	}
	if kept[0] != kept[1] || !strings.Contains(kept[0], "secret") {
		t.Errorf("first it remembers %s, then %s", kept[0], kept[1])
	}
	info, err := os.Stat(filepath.Join(dir, "dev.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOptionsAreCheckedAllAtOnce(t *testing.T) {
	_, err := New(Options{Nodes: 2, Port: 70000})
	for _, want := range []string{"2 nodes", "port 70000", "executable", "print"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want it to speak of %q", err, want)
		}
	}
}

// output is what was printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func newDev(t *testing.T, o Options) (*Dev, *output) {
	t.Helper()
	out := &output{}
	o.Executable, o.Out, o.RestartDelay = os.Args[0], out, 300*time.Millisecond
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d, out
}

// startDev runs nodes of a kind until end is called, which tells what Run returned.
func startDev(t *testing.T, of string, o Options) (d *Dev, out *output, end func() error) {
	t.Helper()
	t.Setenv(kind, of)
	d, out = newDev(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	end = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = end() })
	select {
	case <-d.Ready():
	case err := <-ended:
		t.Fatalf("it ended before it was ready: %v\n%s", err, out)
	case <-time.After(2 * time.Minute):
		t.Fatalf("it is not ready:\n%s", out)
	}
	return d, out, end
}

// visits counts which nodes answer n requests through the balancer, each on a connection of its own.
func visits(t *testing.T, d *Dev, n int) map[string]int {
	t.Helper()
	dialer := &net.Dialer{}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, loopback(d.configuration.Port))
		}}}
	got := make(map[string]int)
	for range n {
		response, err := client.Get(d.URL("app"))
		if err != nil {
			t.Error(err)
			continue
		}
		name, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Error(err)
		}
		got[string(name)]++
	}
	return got
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		pause(t.Context(), 10*time.Millisecond)
	}
}

// alive tells whether a process runs: not when it is gone, nor when it has ended and is waited for by nobody.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
