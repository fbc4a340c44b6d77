package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"picket/node/proxy"
)

// admin is the operator's listener. It has no sign-in: its address is the protection (loopback, or a socket's mode).
type admin struct {
	node     *Node
	listener net.Listener
	server   *http.Server
}

func newAdmin(n *Node) *admin {
	a := &admin{node: n}
	a.server = &http.Server{
		Handler:           a.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	return a
}

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.node.registry, promhttp.HandlerOpts{Registry: a.node.registry}))
	api := &api{node: a.node}
	api.mount(mux)
	if a.node.config().Admin.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	return a.guard(mux)
}

// guard refuses what a browser was made to send: pages of other sites, and names that were rebound to this address. And what
// came through a door, of this node or another, by a route that leads here, however the address is spelt: each says so of itself.
func (a *admin) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values(proxy.NodeHeader)) > 0 {
			http.Error(w, "the admin address is never reached through a route", http.StatusForbidden)
			return
		}
		site := r.Header.Get("Sec-Fetch-Site")
		if site != "" && site != "none" && site != "same-origin" {
			http.Error(w, "the admin address is not for pages of other sites", http.StatusForbidden)
			return
		}
		if !a.known(r.Host) {
			http.Error(w, "ask for the admin address by its number, as localhost, or by the name that the configuration gives it", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// known tells whether a Host is a number, or a name that nobody else can have pointed here: what somebody else can is a
// name of the public tree, which has a dot.
func (a *admin) known(host string) bool {
	address := a.node.config().Admin.Address
	if strings.HasPrefix(address, "unix:") {
		return true // no browser gets there
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	configured, _, _ := net.SplitHostPort(address)
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return net.ParseIP(strings.Trim(host, "[]")) != nil || !strings.Contains(host, ".") ||
		strings.HasSuffix(host, ".localhost") || host == strings.ToLower(configured)
}

// open listens, so that an address in use is told before anything else begins.
func (a *admin) open() error {
	network, address := "tcp", a.node.config().Admin.Address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		if err := freeSocket(path); err != nil {
			return fmt.Errorf("admin: %w", err)
		}
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return fmt.Errorf("admin: listening on %s: %w", a.node.config().Admin.Address, err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			return errors.Join(fmt.Errorf("admin: %w", err), listener.Close())
		}
	}
	a.listener = listener
	return nil
}

// freeSocket removes the socket that a node left behind when it was killed; one that answers is in use.
func freeSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s exists and is no socket", path)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return fmt.Errorf("%s is in use: is another node running?", path)
	}
	return os.Remove(path)
}

// run serves until ctx ends.
func (a *admin) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		wait, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if a.server.Shutdown(wait) != nil {
			_ = a.server.Close()
		}
	})
	defer stop()
	if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

// health says that the process lives.
func (a *admin) health(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintln(w, "ok")
}

// ready says whether a balancer should send requests here, and why not: what it waits for, and for how long.
func (a *admin) ready(w http.ResponseWriter, _ *http.Request) {
	if a.node.ready() {
		_, _ = fmt.Fprintln(w, "ready")
		return
	}
	http.Error(w, "not ready: "+a.node.unready().String(), http.StatusServiceUnavailable)
}
