package node

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/examples/ports"
	"picket/node/config"
)

// peerOfThree is a configuration of one of three peers. No provider is asked, for nobody comes.
const peerOfThree = `
cluster {
  name    = "test"
  secrets = [env("PICKET_SECRET")]
  broker {
    node   = "n1"
    peers  = ["n1=${env("N1")}", "n2=${env("N2")}", "n3=${env("N3")}"]
    listen = env("N1")
    store  = env("STORE")
  }
}
listen "main" { address = "127.0.0.1:0" }
admin { address = env("ADMIN") }
authenticate { url = "http://auth.localhost:8080" }
identity "corp" {
  kind          = "oidc"
  issuer        = "http://127.0.0.1:1"
  client_id     = "picket"
  client_secret = env("PICKET_SECRET")
}
`

func TestANodeThatStartsSaysWhomItWaitsForAndSinceWhen(t *testing.T) {
	w := &world{t: t}
	addresses := map[string]string{}
	for _, name := range []string{"N1", "N2", "N3", "ADMIN"} {
		addresses[name] = ports.One(t)
		t.Setenv(name, addresses[name])
	}
	t.Setenv("PICKET_SECRET", strings.Repeat("s", 32))
	t.Setenv("STORE", t.TempDir())
	file := filepath.Join(t.TempDir(), "cluster.hcl")
	w.must(os.WriteFile(file, []byte(peerOfThree), 0o600))
	reading := config.Read(file)
	if reading.Problems.Failed() {
		t.Fatal(reading.Problems.Error())
	}
	n, err := New(Options{Reading: reading, Version: "test", Log: zerolog.New(zerolog.NewTestWriter(t))})
	w.must(err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	ask := func(path string) (code int, text string) {
		res, err := http.Get("http://" + addresses["ADMIN"] + path)
		if err != nil {
			return 0, err.Error() // it does not listen yet
		}
		defer res.Body.Close()
		read, err := io.ReadAll(res.Body)
		w.must(err)
		return res.StatusCode, string(read)
	}
	whom := "waiting for n2 at " + addresses["N2"] + ", n3 at " + addresses["N3"]
	w.until("it says for whom it waits, and for how long", func() bool {
		code, text := ask("/readyz")
		return code == http.StatusServiceUnavailable && strings.HasPrefix(text, "not ready: starting: ") && strings.Contains(text, whom+" (for ")
	})
	var s status
	_, text := ask("/v1/status")
	w.must(json.Unmarshal([]byte(text), &s))
	if s.Ready || !strings.Contains(s.Unready.Why, whom) || s.Unready.Since.Before(n.since) || s.Unready.Since.After(time.Now()) {
		t.Errorf("its status says %+v", s.Unready)
	}
	if code, text := ask("/v1/sessions"); code != http.StatusServiceUnavailable || !strings.Contains(text, whom) {
		t.Errorf("asked for sessions it answers %d: %s", code, text)
	}
	stop()
	w.must(<-ended)
}

func TestANodeWhoseStoreIsGoneSaysSoAndSinceWhen(t *testing.T) {
	w := newWorldOf(t, 1, strings.Replace(basics, "cluster {", "cluster {\n  max_staleness = \"5s\"", 1), nil)
	n := w.nodes[0]
	if code, text := n.ask(w, http.MethodGet, "/readyz", ""); code != http.StatusOK || text != "ready\n" {
		t.Fatalf("%d %s", code, text)
	}
	w.nats.Shutdown()
	w.until("it says why it is not ready, and for how long", func() bool {
		code, text := n.ask(w, http.MethodGet, "/readyz", "")
		return code == http.StatusServiceUnavailable && strings.HasPrefix(text, "not ready: cannot prove that what this node knows is fresh (") &&
			strings.Contains(text, "no quorum took a heartbeat") && strings.Contains(text, " (for ")
	})
	w.until("and the log says so", func() bool {
		n.log.mu.Lock()
		defer n.log.mu.Unlock()
		return strings.Contains(n.log.text.String(), `"message":"not ready: cannot prove that what this node knows is fresh (`)
	})
}

func TestWhyANodeIsNotReadyIsToldNowAndThen(t *testing.T) {
	var told telling
	begun := time.Now()
	for _, c := range []struct {
		after time.Duration
		why   string
		due   bool
	}{
		{0, "a", false},
		{tellAfter - 1, "a", false},
		{tellAfter, "a", true},
		{tellAfter + 1, "b", false},
		{2 * tellAfter, "b", true},
		{2*tellAfter + tellAgain - 1, "b", false},
		{2*tellAfter + tellAgain, "b", true},
		{3*tellAfter + tellAgain, "", false},
		{4*tellAfter + tellAgain, "b", false},
		{5*tellAfter + tellAgain, "b", true},
	} {
		if due := told.due(c.why, begun.Add(c.after)); due != c.due {
			t.Errorf("%q after %s: told is %v", c.why, c.after, due)
		}
	}
}
