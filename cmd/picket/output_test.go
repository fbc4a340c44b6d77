package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
)

// broken is a file that nothing can be written to.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// TestWhatCannotBePrintedIsAFailure is a disk that is full behind standard output: also commands that print tables, and help,
// say so and fail.
func TestWhatCannotBePrintedIsAFailure(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, `{"sessions":[{"id":"s-1"}],"revoked":1}`)
	}))
	defer node.Close()
	full := &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
	for _, command := range []string{"--help", "sessions list", "sessions list -o json", "sessions show s-1", "sessions revoke s-1", "status", "version"} {
		var told bytes.Buffer
		code := onto(broken{full}, &told, node.URL, command)
		if code != exitFailed || strings.Count(told.String(), "no space left on device") != 1 {
			t.Errorf("picket %s ended with %d and told %q: want %d, and that the disk is full, once", command, code, told.String(), exitFailed)
		}
	}
}

// TestAReaderThatHasSeenEnoughIsNoFailure is `picket status | head -1` where SIGPIPE is ignored.
func TestAReaderThatHasSeenEnoughIsNoFailure(t *testing.T) {
	var told bytes.Buffer
	if code := onto(broken{syscall.EPIPE}, &told, "", "--help"); code != exitDone || told.Len() > 0 {
		t.Errorf("ended with %d and told %q: want %d, and nothing", code, told.String(), exitDone)
	}
}

// onto runs a command that prints to out, and asks a node where there is one.
func onto(out, told io.Writer, admin, command string) int {
	run := terminal{in: strings.NewReader(""), out: out, err: told, env: func(name string) string {
		return map[string]string{"PICKET_ADMIN": admin}[name]
	}}
	return run.main(context.Background(), strings.Fields(command))
}

// TestAnAnswerThatIsTooLongIsCalledThat is a cluster with more sessions than a list is read of.
func TestAnAnswerThatIsTooLongIsCalledThat(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"sessions":[`)
		some := []byte(strings.Repeat(" ", 1<<20))
		for range maxAnswer >> 20 {
			_, _ = w.Write(some)
		}
		_, _ = io.WriteString(w, `]}`)
	}))
	defer node.Close()
	var told bytes.Buffer
	if code := onto(io.Discard, &told, node.URL, "sessions list"); code != exitFailed || !strings.Contains(told.String(), "is longer than 64.0 MiB: ask for less") {
		t.Errorf("ended with %d and told %q", code, &told)
	}
}
