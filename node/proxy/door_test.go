package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"picket/node/config"
)

func TestWhoIsSignedInIsLetInAndToldOf(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	res := w.ask("GET /a%7Eb/?q=%zz&r HTTP/1.1\nHost: WIKI.test:8443\nCookie: a=1; " + cookie + "; b=2\nX-Request-Id: forged\n\n")
	got := mirrored(t, res)
	if got.Target != "/a~b/?q=%zz&r" || got.Host == "wiki.test" {
		t.Errorf("sent upstream: %s %s", got.Host, got.Target)
	}
	id := res.Header.Get("X-Request-Id")
	for name, want := range map[string]string{
		"Cookie": "a=1; b=2", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "wiki.test", "X-Forwarded-Proto": "https",
		"X-Forwarded-Email": "alice@example.com", "Remote-User": "alice", "X-Picket-Node": "n1", "X-Request-Id": id,
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if parts := strings.Split(got.Header.Get("X-Picket-Jwt-Assertion"), "."); len(parts) != 3 {
		t.Errorf("assertion: %q", parts)
	}
	if len(id) != 32 {
		t.Errorf("request id %q", id)
	}
}

func TestNobodyIsSentToSignIn(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	for name, headers := range map[string]string{
		"by Accept":         "Accept: text/html,*/*;q=0.8\n",
		"by fetch metadata": "Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nAccept: */*\n",
		"with a bad cookie": "Accept: text/html\nCookie: __Host-picket=1.abc.def\n",
	} {
		res := w.ask("GET /a?b=c HTTP/1.1\nHost: wiki.test\n" + headers + "\n")
		to := res.Header.Get("Location")
		if res.StatusCode != http.StatusFound || !strings.HasPrefix(to, "https://auth.test/.picket/sign_in?request=") {
			t.Errorf("%s: %s, %s", name, res.Status, to)
		}
		if res.Header.Get("Cache-Control") != "no-store" || len(res.Cookies()) != 1 || res.Cookies()[0].Name != "__Host-picket-begin" {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
}

func TestProgramsThatAreNobodyAreTold(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	for name, request := range map[string]string{
		"that says nothing":      "GET / HTTP/1.1\nHost: wiki.test\n\n",
		"that wants JSON":        "GET / HTTP/1.1\nHost: wiki.test\nAccept: application/json\n\n",
		"that fetches":           "GET / HTTP/1.1\nHost: wiki.test\nAccept: text/html\nSec-Fetch-Mode: cors\n\n",
		"that loads a picture":   "GET / HTTP/1.1\nHost: wiki.test\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image\n\n",
		"that is an XHR":         "GET / HTTP/1.1\nHost: wiki.test\nAccept: text/html\nX-Requested-With: XMLHttpRequest\n\n",
		"that posts":             "POST / HTTP/1.1\nHost: wiki.test\nAccept: text/html\nContent-Length: 0\n\n",
		"that carries a bearer":  "GET / HTTP/1.1\nHost: wiki.test\nAccept: text/html\nAuthorization: Bearer x\n\n",
		"that opens a WebSocket": "GET / HTTP/1.1\nHost: wiki.test\n" + upgrade + "\n",
	} {
		res := w.ask(request)
		if f := refusal(t, res); res.StatusCode != http.StatusUnauthorized || f.LoginURL != "https://wiki.test/.picket/sign_in" || f.RequestID == "" {
			t.Errorf("a program %s: %s, %+v", name, res.Status, f)
		}
		if !strings.HasPrefix(res.Header.Get("Www-Authenticate"), "Picket ") {
			t.Errorf("a program %s: %v", name, res.Header)
		}
	}
}

func TestWhoMayNotIsToldWhyAndWhoTheyAre(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("mallory", origin("wiki.test"), "wiki")
	res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nAccept: text/html\nCookie: " + cookie + "\n\n")
	f := refusal(t, res)
	if res.StatusCode != http.StatusForbidden || f.Code != "denied" || f.Rule != "not mallory" || f.Detail != "Mallory is not let in here." ||
		f.User != "mallory@example.com" || f.Route != "wiki" || f.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("%s: %+v", res.Status, f)
	}
}

func TestAPublicRouteTellsOfWhoIsSignedInAndOfNobodyElse(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	forged := "X-Forwarded-Email: root@example.com\nRemote-User: root\n"
	got := mirrored(t, w.ask("GET / HTTP/1.1\nHost: open.test\n"+forged+"\n"))
	if got.Header.Get("X-Forwarded-Email") != "" || got.Header.Get("Remote-User") != "" {
		t.Errorf("of nobody: %v", got.Header)
	}
	cookie := w.signIn("alice", origin("open.test"), "open")
	got = mirrored(t, w.ask("GET / HTTP/1.1\nHost: open.test\n"+forged+"Cookie: "+cookie+"\n\n"))
	if got.Header.Get("X-Forwarded-Email") != "alice@example.com" || got.Header.Get("Cookie") != "" {
		t.Errorf("of alice: %v", got.Header)
	}
}

func TestACookieIsGoodForItsHostAlone(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("one.any.test"), "any")
	if got := mirrored(t, w.ask("GET /app/x HTTP/1.1\nHost: one.any.test\nCookie: "+cookie+"\n\n")); got.Host != "one.any.test" {
		t.Errorf("preserved host: %q", got.Host)
	}
	for name, request := range map[string]string{
		"another host":      "GET /app HTTP/1.1\nHost: two.any.test\nCookie: " + cookie + "\n\n",
		"another route":     "GET / HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n\n",
		"twice":             "GET /app HTTP/1.1\nHost: one.any.test\nCookie: " + cookie + "; " + cookie + "\n\n",
		"on two lines":      "GET /app HTTP/1.1\nHost: one.any.test\nCookie: " + cookie + "\nCookie: " + cookie + "\n\n",
		"cut short":         "GET /app HTTP/1.1\nHost: one.any.test\nCookie: " + cookie[:len(cookie)-1] + "\n\n",
		"under a plain one": "GET /app HTTP/1.1\nHost: one.any.test\nCookie: " + strings.TrimPrefix(cookie, "__Host-") + "\n\n",
	} {
		if res := w.ask(request); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
}

func TestOwnPagesAreNeverForwarded(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Listeners[0].TrustedProxies = prefixes("127.0.0.0/8")
	})
	for _, path := range []string{"/.picket/", "/.picket", "/.picket/callback", "/.well-known/picket/jwks.json", "//.picket/x", "/%2epicket/x"} {
		for _, host := range []string{"wiki.test", "auth.test.:1234", "x.any.test", "OPEN.test"} {
			res := w.ask("GET " + path + "?q HTTP/1.1\nHost: " + host + "\nCookie: __Host-picket=x\nX-Picket-User: forged\nX-Forwarded-For: 192.0.2.7\n\n")
			var got map[string]string
			if err := json.Unmarshal([]byte(text(t, res)), &got); err != nil || got["page"] == "" {
				t.Fatalf("%s%s: %s", host, path, text(t, res))
			}
			want := strings.ToLower(strings.TrimSuffix(host, ".:1234"))
			if got["host"] != want || got["address"] != "192.0.2.7" || got["id"] != res.Header.Get("X-Request-Id") || got["query"] != "q" ||
				got["cookie"] != "__Host-picket=x" || got["forged"] != "" || strings.Contains(got["page"], "//") {
				t.Errorf("%s%s: %v", host, path, got)
			}
		}
	}
}

func TestWhatLeadsNowhereIsNotFound(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	for host, code := range map[string]string{"other.test": "unknown_host", "auth.test": "no_route", "a.any.test": "no_route", "any.test": "unknown_host"} {
		for _, path := range []string{"/", "/apple"} {
			res := w.ask("GET " + path + " HTTP/1.1\nHost: " + host + "\nAccept: text/html\n\n")
			if f := refusal(t, res); res.StatusCode != http.StatusNotFound || f.Code != code {
				t.Errorf("%s%s: %s, %+v", host, path, res.Status, f)
			}
		}
	}
}

func TestWithoutProofOfFreshnessNobodyIsAdmittedOrSignedOut(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	if err := w.broker.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.until("it cannot be told whose session it is", func() bool {
		res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nAccept: text/html\nCookie: " + cookie + "\n\n")
		return res.StatusCode == http.StatusServiceUnavailable && len(res.Header["Set-Cookie"]) == 0 && refusal(t, res).RetryAfter > 0
	})
	if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusOK {
		t.Errorf("a public route: %s", res.Status)
	}
}

func TestTheAccessLineTellsWhoAndWhy(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	w.ask("GET /page?secret=1 HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n\n")
	w.until("its line", func() bool { return len(w.log.access(t)) == 1 }) // written once the response is out
	w.ask("GET /other HTTP/1.1\nHost: wiki.test\n\n")
	w.until("two lines", func() bool { return len(w.log.access(t)) == 2 })
	got := w.log.access(t)
	for key, want := range map[string]any{
		"protocol": "HTTP/1.1", "method": "GET", "host": "wiki.test", "path": "/page", "status": 200.0, "route": "wiki", "email": "alice@example.com",
		"session": w.session()[:8], "decision": "allow", "rule": "employee", "policy": "staff", "client": "127.0.0.1", "node": "n1",
	} {
		if got[0][key] != want {
			t.Errorf("%s: %v, want %v", key, got[0][key], want)
		}
	}
	for _, key := range []string{"request_id", "duration_ms", "bytes", "user", "upstream"} {
		if got[0][key] == nil {
			t.Errorf("no %s", key)
		}
	}
	if got[1]["status"] != 401.0 || got[1]["decision"] != "unauthenticated" || got[1]["user"] != nil {
		t.Errorf("of nobody: %v", got[1])
	}
	if w.log.says("secret") || w.log.says(cookie) {
		t.Error("the log holds a query or a cookie")
	}
}

func TestARefusalDoesNotWaitForABodyThatDoesNotCome(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	for target, status := range map[string]int{"/": http.StatusUnauthorized, "/..;/": http.StatusBadRequest, "/.picket/sign_out": http.StatusOK} {
		res := w.ask("POST " + target + " HTTP/1.1\nHost: wiki.test\nOrigin: https://evil.test\nContent-Length: 300\n\n")
		if res.StatusCode != status || !res.Close {
			t.Errorf("%s: %s, and the connection goes on: %v", target, res.Status, !res.Close)
		}
	}
}

func TestADoorWithMistakesIsNotMade(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a door of nothing")
	}
	w := newWorld(t, http.HandlerFunc(mirror))
	c := *w.config
	c.Routes = append([]config.Route{{Name: "lost", From: origin("lost.test")}, {Name: "odd", From: origin("odd.test"), To: []string{"ftp://x", "http://x/path"}}}, c.Routes...)
	c.Listeners = append([]config.Listener{{Name: "tls", Certificates: []config.Certificate{{Chain: []byte("x")}}}}, c.Listeners...)
	_, err := New(Options{Parts: w.parts(&c)})
	for _, want := range []string{`"lost"`, `"odd"`, `"tls"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

func TestTheDoorIsAHandlerToo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	server := httptest.NewServer(w.door)
	defer server.Close()
	r, _ := http.NewRequest(http.MethodGet, server.URL+"/x", nil)
	r.Host = "open.test"
	res, err := server.Client().Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
}
