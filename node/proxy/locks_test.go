package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"picket/node/authn"
	"picket/node/config"
)

// everything is an application that echoes over WebSockets, streams without end at /stream, and mirrors what else it is asked.
func everything(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Upgrade") != "":
		echo(w, r)
	case r.URL.Path == "/stream":
		_, _ = io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		mirror(w, r)
	}
}

// lock adds a lock.
func (w *world) lock(kind authn.LockKind, target string) authn.Lock {
	w.t.Helper()
	l, err := w.authn.AddLock(w.ctx, authn.LockRequest{Kind: kind, Target: target, Reason: "a test", Author: "carol"})
	w.must(err)
	return l
}

func (w *world) unlock(l authn.Lock) {
	w.t.Helper()
	_, err := w.authn.RemoveLock(w.ctx, l.ID)
	w.must(err)
}

// endless begins an answer without end, and gives what is left to read of it.
func (w *world) endless(host, cookie string) io.Reader {
	w.t.Helper()
	conn := w.dial()
	_, err := conn.Write([]byte("GET /stream HTTP/1.1\r\nHost: " + host + "\r\nCookie: " + cookie + "\r\n\r\n"))
	w.must(err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("the stream begins with %s", res.Status)
	}
	return res.Body
}

// breaks waits for the end of a stream, which is none that it came to by itself.
func (w *world) breaks(stream io.Reader) {
	w.t.Helper()
	begun := time.Now()
	_, err := io.Copy(io.Discard, stream)
	if late, ok := err.(net.Error); err == nil || ok && late.Timeout() {
		w.t.Errorf("the stream ended with %v after %v", err, time.Since(begun))
	}
}

func TestALockRefusesAndCutsWhoeverItBars(t *testing.T) {
	for kind, target := range map[authn.LockKind]func(w *world) string{
		authn.LockUser:    func(*world) string { return "Alice@Example.com" },
		authn.LockGroup:   func(*world) string { return "staff" },
		authn.LockSession: func(w *world) string { return w.session() },
		authn.LockDevice: func(w *world) string {
			s, err := w.authn.SessionByID(w.ctx, w.session())
			w.must(err)
			return s.Device
		},
		authn.LockAddress: func(*world) string { return "127.0.0.0/8" },
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(everything))
			cookie := w.signIn("alice", origin("wiki.test"), "wiki")
			ask := "GET / HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n\n"
			socket, stream := w.wikiSocket(cookie), w.endless("wiki.test", cookie)
			l := w.lock(kind, target(w))
			if code, reason := ends(w.ctx, socket); code != websocket.StatusPolicyViolation || reason != "access is locked" {
				t.Errorf("the WebSocket closed with %d %q", code, reason)
			}
			w.breaks(stream)
			res := w.ask(ask)
			f := refusal(t, res)
			if res.StatusCode != http.StatusForbidden || f.Code != "locked" || strings.Contains(f.Title+f.Detail+f.Next, l.ID) || f.User != "" || f.LoginURL != "" {
				t.Errorf("answered %s: %+v", res.Status, f)
			}
			w.until("the lines are written", func() bool { return len(w.log.access(t)) == 3 })
			refused := 0
			for _, line := range w.log.access(t) {
				if line["decision"] == "locked" && (kind == authn.LockAddress || line["email"] == "alice@example.com") {
					refused++
				}
				if line["lock"] != l.ID || line["lock_reason"] != "a test" {
					t.Errorf("the line says %v", line)
				}
			}
			if refused != 1 {
				t.Errorf("lines of refusals: %d", refused)
			}
			if n := w.gauge("picket_locked_total"); n != 3 {
				t.Errorf("%v are counted", n)
			}
			w.unlock(l)
			w.until("the session goes on", func() bool { return w.ask(ask).StatusCode == http.StatusOK })
			_ = w.wikiSocket(cookie)
		})
	}
}

func TestOnAPublicRouteALockedUserIsNobodyAndALockedAddressIsBarred(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(everything))
	cookie := w.signIn("alice", origin("open.test"), "open")
	ask := "GET /stream HTTP/1.1\nHost: open.test\nCookie: " + cookie + "\n\n"
	known, nobodys := w.endless("open.test", cookie), w.endless("open.test", "a=1")
	w.lock(authn.LockUser, "alice@example.com")
	w.breaks(known) // the application was told whose it is
	if told := mirrored(t, w.ask(strings.Replace(ask, "/stream", "/", 1))); told.Header.Get("Remote-User") != "" {
		t.Errorf("the application is told of %q", told.Header.Get("Remote-User"))
	}
	w.lock(authn.LockAddress, "127.0.0.1")
	w.breaks(nobodys)
	if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusForbidden || refusal(t, res).Code != "locked" {
		t.Errorf("answered %s", res.Status)
	}
}

func TestALockedAddressMayOnlySignOut(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	w.lock(authn.LockAddress, "127.0.0.1")
	for path, want := range map[string]int{
		"/.picket/sign_out": 200, "/.picket/signed_out": 200, "/.picket/sign_in": 403, "/.picket/": 403, "/.picket/user": 403,
		"/.picket/callback?code=x": 403, "/.picket/ping": 403, "/.well-known/picket/jwks.json": 403,
		"/sign_out": 403,
	} {
		w.until(path+" is answered so", func() bool {
			return w.ask("GET "+path+" HTTP/1.1\nHost: wiki.test\n\n").StatusCode == want
		})
	}
}

func TestALockOfTheAddressBehindATrustedProxyBarsNoOther(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Listeners[0].TrustedProxies = prefixes("127.0.0.0/8")
	})
	w.lock(authn.LockAddress, "198.51.100.7")
	from := func(address string) int {
		return w.ask("GET / HTTP/1.1\nHost: open.test\nX-Forwarded-For: " + address + "\n\n").StatusCode
	}
	w.until("it is barred", func() bool { return from("198.51.100.7") == http.StatusForbidden })
	if got := from("::ffff:198.51.100.7"); got != http.StatusForbidden {
		t.Errorf("written as IPv6 it is answered %d", got)
	}
	if got := from("198.51.100.8"); got != http.StatusOK {
		t.Errorf("another is answered %d", got)
	}
}

func TestALockOfAnAddressThatComesBeforeARequestIsUnderWayIsNotMissed(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	rules := w.door.inForce.Load()
	a := &ask{began: time.Now(), rules: rules, heard: w.door.changes.heard.Load(), site: rules.table.find("open.test"), origin: origin("open.test"), route: rules.routes[1]}
	got := noteResponse(a)
	a.client, _ = parseAddress("127.0.0.1:7")
	if f := barred(a); f != nil {
		t.Fatalf("%+v", f)
	}
	if f := w.door.admit(w.ctx, a); f != nil {
		t.Fatalf("%+v", f)
	}
	w.lock(authn.LockAddress, "127.0.0.1")
	w.until("the change was heard of", func() bool { return w.door.changes.heard.Load() != a.heard })
	w.door.carry(a)
	w.door.over(a)
	if got.status != http.StatusForbidden {
		t.Errorf("answered with %d", got.status)
	}
}
