//go:build bench

package bench

import (
	_ "embed"
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

// bodySize is what the application answers with.
const bodySize = 1024

// nginx is an nginx: the application, or a plain proxy before it.
type nginx struct {
	*process
	address string
	ready   time.Duration // from its start to the first answer
}

// launchApplication starts what is behind the proxies.
func launchApplication(t testing.TB) nginx {
	t.Helper()
	return launchNginx(t, "application", nginxConfig{Workers: "1"})
}

// launchProxy starts a plain proxy before an application; keys nil: without TLS.
func launchProxy(t testing.TB, before nginx, keys *keys) nginx {
	t.Helper()
	return launchNginx(t, "nginx", nginxConfig{Workers: "auto", Upstream: before.address, TLS: keys})
}

// nginxConfig is what the configuration is filled from.
type nginxConfig struct {
	Dir, Listen, Body string
	Workers           string // how many
	Upstream          string // HOST:PORT; "": it answers itself
	TLS               *keys  // nil: none
}

// launchNginx starts one and waits for its first answer.
func launchNginx(t testing.TB, name string, c nginxConfig) nginx {
	t.Helper()
	c.Dir, c.Listen, c.Body = t.TempDir(), ports.One(t), strings.Repeat("picket. ", bodySize/8)
	config := filepath.Join(c.Dir, "nginx.conf")
	fill(t, config, nginxTemplate, c)
	p := launch(t, name, filepath.Join(c.Dir, "log"), nil, nginxPath(t), "-p", c.Dir, "-c", config, "-e", "stderr")
	ready := p.until(t, "answering", 10*time.Second, func() bool { return answers(c.TLS.client(), c.TLS.scheme()+"://"+c.Listen+"/") })
	return nginx{process: p, address: c.Listen, ready: ready}
}

// nginxPath finds nginx, which Debian puts where only root's PATH looks.
func nginxPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no nginx here: run examples/bench/install")
	return ""
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
	parsed, err := template.New(filepath.Base(file)).Funcs(template.FuncMap{"quote": quote}).Parse(text)
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
