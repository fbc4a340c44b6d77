package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"picket/examples/ports"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"picket": main})
}

// TestScripts runs the stories of testdata/script with the real binary.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
			"admin": serveAdmin,
			"until": until,
			"shows": shows,
			"port":  port(t),
			"ask":   ask,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits is `exits CODE COMMAND…`: the command must end with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// until is `until COMMAND…`: it runs the command again and again, until it succeeds.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND...")
	}
	again(ts, args, func() bool { return ts.Exec(args[0], args[1:]...) == nil })
}

// again asks until it is so.
func again(ts *testscript.TestScript, args []string, so func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("not within two minutes: %s", strings.Join(args, " "))
		}
	}
}

// shows is `shows REGEXP COMMAND…`: it runs the command again and again, until it prints what is looked for.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: shows REGEXP COMMAND...")
	}
	wanted := regexp.MustCompile("(?m)" + args[0])
	again(ts, args, func() bool {
		return ts.Exec(args[1], args[2:]...) == nil && wanted.MatchString(ts.ReadFile("stdout"))
	})
}

// port is `port NAME`: it sets the variable to the number of a port that nobody listens on.
func port(t *testing.T) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: port NAME")
		}
		_, number, err := net.SplitHostPort(ports.One(t))
		ts.Check(err)
		ts.Setenv(args[0], number)
	}
}

// ask is `ask URL`: it sends a request to the URL, until there is an answer, whatever it is.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ask URL")
	}
	again(ts, args, func() bool {
		res, err := http.Get(args[0])
		return err == nil && res.Body.Close() == nil
	})
}

// serveAdmin is `admin FILE [SOCKET]`: it serves the answers in FILE, lines of "METHOD TARGET STATUS BODY-FILE", on
// PICKET_ADMIN until the script ends, and writes what was asked, with its body, to asked.txt.
func serveAdmin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: admin FILE [SOCKET]")
	}
	answers := readAnswers(ts, args[0])
	asked := ts.MkAbs("asked.txt")
	var mu sync.Mutex
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		key := r.Method + " " + r.RequestURI
		body, err := io.ReadAll(r.Body)
		if err := errors.Join(err, appendLine(asked, strings.TrimSpace(key+" "+string(body)))); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		a, known := answers[key]
		if !known {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	address := server.Listener.Addr().String()
	if len(args) == 2 {
		ts.Check(server.Listener.Close())
		listener, err := net.Listen("unix", ts.MkAbs(args[1]))
		ts.Check(err)
		server.Listener, address = listener, "unix:"+ts.MkAbs(args[1])
	}
	server.Start()
	ts.Defer(server.Close)
	ts.Setenv("PICKET_ADMIN", address)
}

// prepared is one answer.
type prepared struct {
	status int
	body   string
}

func readAnswers(ts *testscript.TestScript, file string) map[string]prepared {
	answers := map[string]prepared{}
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(file)))
	for lines.Scan() {
		var method, target, body string
		var status int
		if _, err := fmt.Sscan(lines.Text(), &method, &target, &status, &body); err != nil {
			ts.Fatalf("%s: %q: %v", file, lines.Text(), err)
		}
		answers[method+" "+target] = prepared{status, ts.ReadFile(body)}
	}
	return answers
}

func appendLine(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}
