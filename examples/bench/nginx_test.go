//go:build bench

package bench

import (
	_ "embed"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"picket/examples/ports"
)

//go:embed testdata/nginx.conf.tmpl
var nginxTemplate string

// What the application answers with, in bytes.
const (
	bodySize  = 1 << 10   // at /
	largeSize = 100 << 10 // at /large
)

// nginx is an nginx: the application, or a plain proxy before it.
type nginx struct {
	*process
	address string
	secured string        // with TLS; "": it has none
	ready   time.Duration // from its start to the first answer
}

// launchApplication starts what is behind the proxies.
func launchApplication(t testing.TB) nginx {
	t.Helper()
	return launchNginx(t, "application", proxyConfig{}, "1", "")
}

// launchProxy starts a plain proxy before an application.
func launchProxy(t testing.TB, before nginx) nginx {
	t.Helper()
	return launchNginx(t, "nginx", proxyConfig{Upstream: before.address}, "auto", "")
}

// proxyConfig is what the configuration of a proxy is filled from.
type proxyConfig struct {
	Dir               string
	Listen, ListenTLS string
	Upstream          string // HOST:PORT; "": it answers itself
	TLS               *keys  // nil: none
	Log               bool   // a line for each request, into a file
}

// placed is the configuration with a folder and addresses of its own.
func (c proxyConfig) placed(t testing.TB) proxyConfig {
	t.Helper()
	c.Dir, c.Listen, c.ListenTLS = t.TempDir(), ports.One(t), ports.One(t)
	return c
}

// launchNginx starts one with so many workers, and waits for its first answer. asks is who is asked about each request
// by auth_request, as HOST:PORT; "": nobody.
func launchNginx(t testing.TB, name string, c proxyConfig, workers, asks string) nginx {
	t.Helper()
	c = c.placed(t)
	config := filepath.Join(c.Dir, "nginx.conf")
	writeLarge(t, filepath.Join(c.Dir, "large"))
	fill(t, config, nginxTemplate, struct {
		proxyConfig
		Workers, Asks, Body string
	}{c, workers, asks, strings.Repeat("picket. ", bodySize/8)})
	p := launch(t, name, filepath.Join(c.Dir, "log"), nil, nginxPath(t), "-p", c.Dir, "-c", config, "-e", "stderr")
	up := func() bool { return answers((*keys)(nil).client(), "http://"+c.Listen+"/") }
	if asks != "" {
		up = func() bool { return listening(c.Listen) } // it answers nobody who is not signed in
	}
	ready := p.until(t, "up", 10*time.Second, up)
	n := nginx{process: p, address: c.Listen, ready: ready}
	if c.TLS != nil {
		n.secured = c.ListenTLS
	}
	return n
}

// writeLarge writes the file that is asked for at /large. Workers of nginx read it as nobody in particular.
func writeLarge(t testing.TB, file string) {
	t.Helper()
	for _, dir := range []string{filepath.Dir(filepath.Dir(file)), filepath.Dir(file)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("picket. ", largeSize/8)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// nginxPath finds nginx, which Debian puts where only root's PATH looks.
func nginxPath(t testing.TB) string { return program(t, "nginx", "/usr/sbin/nginx") }

// program finds the first of some.
func program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("there is no %s here: run examples/bench/install", names[0])
	return ""
}

// listening tells whether somebody takes connections there.
func listening(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// answers tells whether a GET of the address is answered with 200.
func answers(client *http.Client, address string) bool {
	defer client.CloseIdleConnections()
	response, err := client.Get(address)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// fill writes a file from a template.
func fill(t testing.TB, file, text string, data any) {
	t.Helper()
	functions := template.FuncMap{"quote": quote, "port": portOf}
	parsed, err := template.New(filepath.Base(file)).Funcs(functions).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := parsed.Execute(out, data); err != nil {
		t.Fatal(err)
	}
}

// portOf is the port of HOST:PORT.
func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address) // the address is one that we made
	return port
}
