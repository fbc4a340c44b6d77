//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ngtcp2 is Debian's client of HTTP/3, by the makers of nghttp2. It asks the public host of the site, and gives what it tells of it.
func (s *site) ngtcp2(t *testing.T, path string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	all := append([]string{"--exit-on-all-streams-close"}, args...)
	out, err := exec.CommandContext(ctx, "gtlsclient", append(all, "127.0.0.1", s.port, "https://localhost:"+s.port+path)...).CombinedOutput()
	return string(out), err
}

// answers waits until so many requests for a path were answered with 200 over HTTP/3, and no others were.
func (s *site) answers(t *testing.T, path string, want int) {
	t.Helper()
	var all []accessLine
	eventually(t, patience, func() string {
		if all = s.servedAt(t, "localhost", path); len(all) < want {
			return fmt.Sprintf("%d requests for %s were answered, want %d", len(all), path, want)
		}
		return ""
	})
	for _, l := range all {
		if l.Protocol != "HTTP/3" || l.Status != 200 {
			t.Errorf("one was answered so: %s", l)
		}
	}
	if len(all) > want {
		t.Errorf("%d requests for %s were answered, want %d", len(all), path, want)
	}
}

func TestAClientOfHTTP3ThatOthersWrote(t *testing.T) {
	s := startSite(t)
	load := filepath.Join(scratch(t, "load"), "load")
	if err := os.WriteFile(load, make([]byte, 300_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		does, path string
		requests   int
		how        []string
	}{
		{"asks a thousand times on one connection", "/many", 1000, []string{"-n", "1000"}},
		{"sends much and hears it again", "/echo", 20, []string{"-n", "20", "--http-method=POST", "--data=" + load}},
		{"loses packets, both ways", "/lossy", 10, []string{"-n", "10", "--tx-loss=0.05", "--rx-loss=0.05"}},
		{"has other keys on the way", "/echo/rekeyed", 20, []string{"-n", "20", "--http-method=POST", "--data=" + load, "--key-update=1ms"}},
		{"has another address on the way", "/echo/moved", 20, []string{"-n", "20", "--http-method=POST", "--data=" + load, "--change-local-addr=5ms", "--delay-stream=20ms"}},
	} {
		t.Run(c.does, func(t *testing.T) {
			if out, err := s.ngtcp2(t, c.path, append(c.how, "--quiet")...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			s.answers(t, c.path, c.requests)
		})
	}
	t.Run("resumes, and is not taken at its word before it is", func(t *testing.T) { s.resumes(t) })
}

// resumes has it come back with what it has kept: its request goes out before the handshake (0-RTT), is not heard, and goes out again.
func (s *site) resumes(t *testing.T) {
	t.Helper()
	dir := scratch(t, "kept")
	session := filepath.Join(dir, "session")
	kept := []string{"--session-file=" + session, "--tp-file=" + filepath.Join(dir, "parameters"), "--no-quic-dump", "--no-http-dump"}
	eventually(t, patience, func() string { // a ticket comes when the handshake is done, and it does not wait for one
		if out, err := s.ngtcp2(t, "/before", kept...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := os.Stat(session); err != nil {
			return "no ticket has come"
		}
		return ""
	})
	out, err := s.ngtcp2(t, "/resumed", kept...)
	if err != nil || !strings.Contains(out, "Early data was rejected by server") {
		t.Errorf("%v: %s", err, out)
	}
	s.answers(t, "/resumed", 1)
}
