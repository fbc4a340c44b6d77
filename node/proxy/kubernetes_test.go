package proxy

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"picket/node/config"
)

// apiServer is an API server that notes what it is asked with.
type apiServer struct {
	*httptest.Server
	mu   sync.Mutex
	last http.Header // guarded by mu
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	s := &apiServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = r.Header.Clone()
		for name, values := range r.Trailer {
			s.last["Trailer-"+name] = values
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) saw() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// toKubernetes leads the route "wiki" to an API server.
func (s *apiServer) toKubernetes(impersonate bool) func(*config.Config) {
	return func(c *config.Config) {
		r := &c.Routes[0]
		r.To = []string{s.URL}
		r.Upstream.TLS = config.UpstreamTLS{CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
		r.Upstream.Kubernetes = config.Kubernetes{Token: "service-account", Impersonate: impersonate}
	}
}

const forgedImpersonation = "Impersonate-User: root\nimpersonate-group: system:masters\nImpersonate-Uid: 0\nImpersonate-Extra-Scopes: all\n" +
	"Impersonate.User: root\nAuthorization: Basic cm9vdDpyb290\nConnection: Impersonate-User, Authorization\n"

func TestKubernetesIsAskedAsTheUserByTheServiceAccount(t *testing.T) {
	s := newAPIServer(t)
	w := newWorld(t, http.HandlerFunc(mirror), s.toKubernetes(true))
	w.provider.mu.Lock()
	w.provider.groups = []string{"staff", "sre", "system:masters", "System:Masters", ""}
	w.provider.mu.Unlock()
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	if res := w.ask("GET /api HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n" + forgedImpersonation + "\n"); res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	h := s.saw()
	if got := h["Authorization"]; !slices.Equal(got, []string{"Bearer service-account"}) {
		t.Errorf("Authorization is %q", got)
	}
	if got := h["Impersonate-User"]; !slices.Equal(got, []string{"alice@example.com"}) {
		t.Errorf("Impersonate-User is %q", got)
	}
	if got := slices.Sorted(slices.Values(h["Impersonate-Group"])); !slices.Equal(got, []string{"sre", "staff"}) {
		t.Errorf("Impersonate-Group is %q", got)
	}
	for name := range h {
		known := name == "Impersonate-User" || name == "Impersonate-Group"
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(name, ".", "-")), impersonation) && !known {
			t.Errorf("%s came through", name)
		}
	}
}

func TestKubernetesHearsNoTrailersOfAClient(t *testing.T) {
	s := newAPIServer(t)
	w := newWorld(t, http.HandlerFunc(mirror), s.toKubernetes(true))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	res := w.ask("POST /api HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\nTransfer-Encoding: chunked\nTrailer: Impersonate-User, X-Sum\n\n1\na\n0\nImpersonate-User: root\nX-Sum: 1\n\n")
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	for name := range s.saw() {
		if strings.HasPrefix(name, "Trailer-") {
			t.Errorf("%s came through", name)
		}
	}
}

func TestWithoutImpersonationTheServiceAccountAsksItself(t *testing.T) {
	s := newAPIServer(t)
	w := newWorld(t, http.HandlerFunc(mirror), s.toKubernetes(false))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	w.ask("GET /api HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n" + forgedImpersonation + "\n")
	for name, values := range s.saw() {
		if strings.HasPrefix(name, "Impersonate") || name == "Authorization" && !slices.Equal(values, []string{"Bearer service-account"}) {
			t.Errorf("%s: %q", name, values)
		}
	}
}

func TestAPreflightOfNobodyDoesNotShowTheTokenOfTheServiceAccount(t *testing.T) {
	s := newAPIServer(t)
	w := newWorld(t, http.HandlerFunc(mirror), s.toKubernetes(false), func(c *config.Config) { c.Routes[0].CORSPreflight = true })
	if res := w.ask(preflight + "\n"); res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	if shown := s.saw().Values("Authorization"); len(shown) > 0 {
		t.Errorf("%q", shown)
	}
}

// Without a name in the request the service account would act for itself, and may do more than anybody.
func TestWhoeverHasNoNameForKubernetesIsRefused(t *testing.T) {
	for name, well := range map[string]bool{
		"alice@example.com": true, "": false, " ": false, "system:admin": false, "SYSTEM:admin": false, "a\r\nImpersonate-Group: b": false,
	} {
		if mayBe(name) != well {
			t.Errorf("somebody may act as %q: %t", name, !well)
		}
	}
	a := &ask{route: &route{Route: &config.Route{Upstream: config.Upstream{Kubernetes: config.Kubernetes{Token: "t", Impersonate: true}}}}}
	if f := a.impersonate(); f == nil || f.Status != http.StatusForbidden {
		t.Errorf("nobody is told %+v", f)
	}
}

func TestElsewhereAClientMayActAsItLikes(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	res := w.ask("GET /api HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\nImpersonate-User: bob\n\n")
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
}
