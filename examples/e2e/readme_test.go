//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// newcomer follows the README in a folder of their own, in one shell.
type newcomer struct {
	folder  string
	exports []string // lines that the shell was given so far
	admin   string   // of the cluster that `make run` started
}

// TestTheCommandsOfTheReadmeDoWhatItSays takes every line of the README's shell blocks, in order, and does it. A line that
// it does not know fails: a command is not added to the README without being run here.
func TestTheCommandsOfTheReadmeDoWhatItSays(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := &newcomer{folder: checkout(t)}
	whole := regexp.MustCompile("(?s)```hcl\n(cluster .*?)```").FindSubmatch(text)
	if whole == nil {
		t.Fatal("the README has no whole configuration")
	}
	if err := os.WriteFile(filepath.Join(n.folder, "wiki.hcl"), whole[1], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1) {
		for line := range strings.Lines(string(block[1])) {
			n.follow(t, strings.TrimSpace(line))
		}
	}
}

func (n *newcomer) follow(t *testing.T, line string) {
	t.Helper()
	t.Logf("$ %s", line)
	switch {
	case line == "make run":
		n.tryOut(t)
	case line == "make build", line == "./picket check wiki.hcl", strings.HasPrefix(line, "./picket policy "):
		n.shell(t, line)
	case strings.HasPrefix(line, "export "):
		n.shell(t, line)
		n.exports = append(n.exports, line)
	case line == "./picket run --config wiki.hcl":
		n.runOne(t, line)
	case strings.HasPrefix(line, "./picket status"), strings.HasPrefix(line, "./picket sessions "),
		strings.HasPrefix(line, "./picket lock "), line == "./picket nodes list", line == "./picket certificates list", strings.HasPrefix(line, "./picket backup "), strings.HasPrefix(line, "./picket restore "):
		n.shell(t, "export PICKET_ADMIN="+n.admin+"; "+line)
	case line == "make test", line == "make check", line == "make e2e", line == "make bench":
		n.shell(t, strings.Replace(line, "make", "make -n", 1)) // what they do is done by those who run this
	default:
		t.Errorf("nothing here runs %q", line)
	}
}

// shell runs a line after what was exported before.
func (n *newcomer) shell(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(append(n.exports[:len(n.exports):len(n.exports)], line), "\n"))
	cmd.Dir = n.folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// tryOut starts the cluster of `make run` and signs alice in, so that the commands that follow have somebody to show.
func (n *newcomer) tryOut(t *testing.T) {
	t.Helper()
	n.shell(t, "make build")
	p := &process{name: "make run", command: []string{"bash", "-c", "cd " + n.folder + " && exec ./picket dev --port 0"}}
	if out := n.shell(t, "make -n run"); !strings.Contains(out, "./picket dev") {
		t.Fatalf("make run does something else: %s", out)
	}
	keep(t, p)
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	banner := regexp.MustCompile(`http://app\.localhost:(\d+)`)
	eventually(t, patience, func() string {
		if strings.Contains(p.log.String(), "Ctrl-C") {
			return ""
		}
		return "the cluster is up: " + p.log.String()
	})
	front := banner.FindStringSubmatch(p.log.String())
	admin := regexp.MustCompile(`admin (127\.0\.0\.1:\d+)`).FindStringSubmatch(p.log.String())
	if front == nil || admin == nil {
		t.Fatalf("the banner names no address:\n%s", p.log.String())
	}
	n.admin = admin[1]
	signInAt(t, front[1], "alice")
}

// signInAt signs somebody in at the application of `picket dev`, as their browser would.
func signInAt(t *testing.T, port, person string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{}
	client := &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}}
	at := func(method, where string, form url.Values) (string, *url.URL) {
		request, err := http.NewRequestWithContext(t.Context(), method, where, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "text/html")
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d, %v\n%s", method, where, response.StatusCode, err, bytes.TrimSpace(body))
		}
		return string(body), response.Request.URL
	}
	page, provider := at(http.MethodGet, "http://app.localhost:"+port+"/", nil)
	request := regexp.MustCompile(`name="request" value="([^"]+)"`).FindStringSubmatch(page)
	if request == nil {
		t.Fatalf("no form at %s:\n%s", provider, page)
	}
	page, _ = at(http.MethodPost, provider.Scheme+"://"+provider.Host+"/login", url.Values{"request": {request[1]}, "person": {person}})
	if !strings.Contains(page, person+"@example.com") {
		t.Fatalf("signed in as somebody else:\n%s", page)
	}
}

// runOne runs the node of the README's own configuration until it is ready, and stops it.
func (n *newcomer) runOne(t *testing.T, line string) {
	t.Helper()
	p := &process{name: "one node", command: []string{"bash", "-c", "cd " + n.folder + "\n" + strings.Join(n.exports, "\n") + "\nexec " + line}}
	keep(t, p)
	p.start(t)
	eventually(t, patience, func() string {
		response, err := http.Get("http://127.0.0.1:9901/readyz")
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return response.Status
		}
		return ""
	})
	p.stop(t)
}

// checkout is the repository as it is committed or about to be, without what git ignores.
func checkout(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	copied := exec.Command("bash", "-euo", "pipefail", "-c", `git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "$0"`, folder)
	copied.Dir = "../.."
	if out, err := copied.CombinedOutput(); err != nil {
		t.Fatalf("copying the repository: %v\n%s", err, out)
	}
	return folder
}
