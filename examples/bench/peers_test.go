//go:build bench

package bench

import (
	_ "embed"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/haproxy.cfg.tmpl
var haproxyTemplate string

//go:embed testdata/Caddyfile.tmpl
var caddyTemplate string

// peer is a proxy before the application: picket, or what it is compared with. All have as many workers as there are
// cores, keep their connections to the application, and use the same key, TLS 1.3 and cipher.
type peer struct {
	name        string
	plain, safe doorway // without TLS, and with it
}

// doorway is one address of a proxy.
type doorway struct {
	processes []*process // whose CPU it takes
	address   string     // HOST:PORT
	host      string     // that requests name; "": the address
	base      string     // path beneath which the application is
	cookie    string     // NAME=VALUE of whoever is signed in; "": nobody
	node      *node      // of picket; nil: another's
}

// authority is HOST:PORT as requests name it.
func (d doorway) authority() string {
	if d.host != "" {
		return d.host
	}
	return "localhost:" + portOf(d.address)
}

// cpu is what its processes have used so far.
func (d doorway) cpu() (all time.Duration) {
	for _, p := range d.processes {
		all += p.cpu()
	}
	return all
}

// resident is their memory in bytes.
func (d doorway) resident(t testing.TB) (all float64) {
	t.Helper()
	for _, p := range d.processes {
		all += p.resident(t)
	}
	return all
}

// The names of the peers, as PEERS takes them.
const (
	peerNginx      = "nginx"
	peerHAProxy    = "haproxy"
	peerCaddy      = "caddy"
	peerPublic     = "public"    // picket, a route that is open to all
	peerProtected  = "protected" // picket, a route with a policy, and somebody who is signed in
	peerBefore     = "before"    // the same of another build of picket, which BEFORE names
	peerOAuth2     = "oauth2-proxy"
	peerAuthAsking = "nginx+oauth2-proxy"
)

// peers starts those that are wanted.
func (s *door) peers(t *testing.T, application nginx, log bool) (all []*peer) {
	t.Helper()
	c := proxyConfig{Upstream: application.address, TLS: s.keys, Log: log}
	if s.wants(peerNginx) {
		n := launchNginx(t, peerNginx, c, "auto", "")
		all = append(all, &peer{peerNginx, alone(n.process, n.address), alone(n.process, n.secured)})
	}
	if s.wants(peerHAProxy) {
		all = append(all, launchHAProxy(t, c))
	}
	if s.wants(peerCaddy) {
		all = append(all, launchCaddy(t, c))
	}
	if s.wants(peerPublic) || s.wants(peerProtected) {
		all = append(all, s.pickets(t, application, log)...)
	}
	if before := os.Getenv("BEFORE"); before != "" && s.wants(peerBefore) {
		other := *s
		other.suite = &suite{binary: before, rounds: s.rounds, during: s.during, settle: s.settle}
		p := other.pickets(t, application, log)[1]
		p.name = peerBefore
		all = append(all, p)
	}
	if oauth2Proxy() != "" && (s.wants(peerOAuth2) || s.wants(peerAuthAsking)) {
		all = append(all, oauth2Peers(t, c)...)
	}
	return slices.DeleteFunc(all, func(p *peer) bool { return !s.wants(p.name) })
}

// alone is a doorway of one process, with nobody signed in.
func alone(p *process, address string) doorway {
	return doorway{processes: []*process{p}, address: address}
}

func launchHAProxy(t testing.TB, c proxyConfig) *peer {
	t.Helper()
	c = c.placed(t)
	config := filepath.Join(c.Dir, "haproxy.cfg")
	fill(t, config, haproxyTemplate, struct {
		proxyConfig
		Cores int
		Pair  string
	}{c, runtime.NumCPU(), c.TLS.pair(t)})
	p := launch(t, peerHAProxy, filepath.Join(c.Dir, "log"), nil, program(t, "haproxy", "/usr/sbin/haproxy"), "-q", "-f", config)
	p.until(t, "listening", 20*time.Second, func() bool { return listening(c.ListenTLS) })
	return &peer{peerHAProxy, alone(p, c.Listen), alone(p, c.ListenTLS)}
}

func launchCaddy(t testing.TB, c proxyConfig) *peer {
	t.Helper()
	c = c.placed(t)
	config := filepath.Join(c.Dir, "Caddyfile")
	fill(t, config, caddyTemplate, c)
	home := []string{"HOME=" + c.Dir, "XDG_DATA_HOME=" + c.Dir, "XDG_CONFIG_HOME=" + c.Dir}
	p := launch(t, peerCaddy, filepath.Join(c.Dir, "log"), home, program(t, "caddy"), "run", "--config", config, "--adapter", "caddyfile")
	p.until(t, "listening", 20*time.Second, func() bool { return listening(c.ListenTLS) })
	return &peer{peerCaddy, alone(p, c.Listen), alone(p, c.ListenTLS)}
}

// pickets are the two ways through a node: each with a node without TLS, and with one that has it.
func (s *door) pickets(t *testing.T, application nginx, log bool) []*peer {
	t.Helper()
	public, protected := &peer{name: peerPublic}, &peer{name: peerProtected}
	public.plain, protected.plain = s.picket(t, application, nil, log)
	public.safe, protected.safe = s.picket(t, application, s.keys, log)
	return []*peer{public, protected}
}

// picket starts a node and signs somebody in.
func (s *door) picket(t *testing.T, application nginx, keys *keys, log bool) (public, protected doorway) {
	t.Helper()
	one := s.newCluster(t, 1, application, keys)
	one.Log = log
	one.configure()
	one.start()
	cookie, err := one.signIn(t.Context(), person(0))
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	n := one.nodes[0]
	if status, err := one.get(t.Context(), keys.client(), n, "/", cookie); err != nil || status != http.StatusOK {
		t.Fatalf("a signed-in request: %d %v", status, err)
	}
	protected = doorway{processes: []*process{n.process}, address: n.http, host: one.authority("app"), node: n}
	public = protected
	public.base, protected.cookie = "/open", one.cookieName()+"="+cookie
	return public, protected
}

// wants tells whether a peer is asked for: all are, unless PEERS names some.
func (s *door) wants(name string) bool { return len(s.only) == 0 || slices.Contains(s.only, name) }

// list is what a variable of the environment names, with commas between.
func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
