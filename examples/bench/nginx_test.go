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
)

//go:embed testdata/nginx.conf.tmpl
var nginxTemplate string

// bodySize is what the application answers with.
const bodySize = 1024

// nginx is an nginx: the application when upstream is "", else a plain proxy before it.
type nginx struct {
	*process
	address string
	ready   time.Duration // from its start to the first answer
}

// launchNginx starts one and waits for its first answer.
func launchNginx(t testing.TB, name, workers, upstream string) nginx {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	config := filepath.Join(dir, "nginx.conf")
	fill(t, config, nginxTemplate, map[string]string{
		"Dir": dir, "Listen": address, "Workers": workers, "Upstream": upstream, "Body": strings.Repeat("picket. ", bodySize/8),
	})
	p := launch(t, name, filepath.Join(dir, "log"), nil, nginxPath(t), "-p", dir, "-c", config, "-e", "stderr")
	ready := p.until(t, "answering", 10*time.Second, func() bool { return answers("http://" + address + "/") })
	return nginx{process: p, address: address, ready: ready}
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
func answers(address string) bool {
	client := http.Client{Timeout: time.Second}
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
