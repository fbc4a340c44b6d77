//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"picket/cmd/picket/dev"
)

// upstream is the application behind the routes: the one of `picket dev`, and a record of what reached it.
type upstream struct {
	server *httptest.Server
	app    http.Handler

	mu   sync.Mutex
	seen map[string][]*http.Request // guarded by mu; by path
}

func startUpstream(t *testing.T, c *cluster) *upstream {
	t.Helper()
	app, err := dev.NewApp(dev.AppOptions{
		Keys:      c.url("app") + "/.well-known/picket/jwks.json",
		Client:    &http.Client{Transport: c.transport("")},
		Audiences: []string{c.host("app")},
		Tick:      tickEvery,
	})
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{app: app, seen: map[string][]*http.Request{}}
	u.server = httptest.NewServer(u)
	t.Cleanup(u.server.Close)
	return u
}

// ServeHTTP remembers and answers.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.seen[r.URL.Path] = append(u.seen[r.URL.Path], &http.Request{
		Method: r.Method, Host: r.Host, URL: r.URL, Header: r.Header.Clone(), Trailer: r.Trailer.Clone(),
	})
	u.mu.Unlock()
	u.app.ServeHTTP(w, r)
}

// requests are those that reached the application for a path.
func (u *upstream) requests(path string) []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen[path]
}

// fold maps a header name to what a server between here and the application's environment may make of it.
func fold(name string) string {
	return strings.NewReplacer("_", "-", ".", "-", " ", "-").Replace(strings.ToLower(name))
}
