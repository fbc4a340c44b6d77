package node

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"picket/node/config"
)

func TestTheAdminAddressIsNotForPagesOfOthers(t *testing.T) {
	a := &admin{node: &Node{}}
	a.node.inForce.Store(&generation{config: &config.Config{Admin: config.Admin{Address: "admin.example.com:9901"}}})
	handler := a.guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for _, c := range []struct {
		what, method, host, site, origin string
		code                             int
	}{
		{"by its number", "GET", "127.0.0.1:9901", "", "", 204},
		{"by an IPv6 number", "DELETE", "[::1]:9901", "", "", 204},
		{"as localhost", "GET", "localhost:9901", "none", "", 204},
		{"by the name of a container", "GET", "picket-1:9901", "", "", 204},
		{"by its configured name", "GET", "Admin.Example.com:9901", "", "", 204},
		{"by a name that was rebound", "GET", "evil.example:9901", "", "", 421},
		{"by a name that was rebound, to change something", "DELETE", "evil.example:9901", "", "", 421},
		{"from a page of another site", "GET", "127.0.0.1:9901", "cross-site", "", 403},
		{"from a form of another site", "POST", "127.0.0.1:9901", "", "https://evil.example", 403},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+"/v1/status", nil)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.code {
			t.Errorf("%s: %d, want %d", c.what, w.Code, c.code)
		}
	}
}

func TestTheAdminAddressIsNotReachedThroughARoute(t *testing.T) {
	a := &admin{node: &Node{}}
	a.node.inForce.Store(&generation{config: &config.Config{Admin: config.Admin{Address: "127.0.0.1:9901"}}})
	handler := a.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it came through") }))
	for _, node := range []string{"node-2", ""} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:9901/v1/status", nil)
		r.Header.Set("X-Picket-Node", node)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("from %q: %d, want 403", node, w.Code)
		}
	}
}
