package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"picket/node/config"
)

func TestARedirectLeadsToAnAddressOfTheConfiguration(t *testing.T) {
	at := config.Origin{Scheme: "https", Host: "old.test", Port: "8443"}
	for _, c := range []struct {
		to      config.Redirect
		written string // what the route is for
		query   string
		want    string
	}{
		{config.Redirect{Host: "new.test"}, "/", "", "https://new.test/docs/a"},
		{config.Redirect{Host: "new.test"}, "/", "x=%zz", "https://new.test/docs/a?x=%zz"},
		{config.Redirect{Host: "new.test", StripQuery: true}, "/", "x=1", "https://new.test/docs/a"},
		{config.Redirect{Host: "new.test", Port: "443"}, "/", "", "https://new.test/docs/a"},
		{config.Redirect{Host: "new.test", Port: "8080"}, "/", "", "https://new.test:8080/docs/a"},
		{config.Redirect{Host: "[::1]"}, "/", "", "https://[::1]/docs/a"},
		{config.Redirect{Scheme: "http"}, "/", "", "http://old.test/docs/a"},
		{config.Redirect{Scheme: "http", Port: "80"}, "/", "", "http://old.test/docs/a"},
		{config.Redirect{Port: "443"}, "/", "", "https://old.test/docs/a"},
		{config.Redirect{Path: "/start"}, "/", "", "https://old.test:8443/start"},
		{config.Redirect{Path: "//evil.test"}, "/", "", "https://old.test:8443/evil.test"},
		{config.Redirect{Prefix: "/new"}, "/docs", "", "https://old.test:8443/new/a"},
		{config.Redirect{Prefix: "/"}, "/docs", "", "https://old.test:8443/a"},
		{config.Redirect{Prefix: "/"}, "=/docs/a", "", "https://old.test:8443/"},
	} {
		r := routeAt(t, "old", c.written).Route
		r.Redirect = &c.to
		if got, err := location(r, at, "/docs/a", c.query); err != nil || got != c.want {
			t.Errorf("%+v leads to %s, %v; want %s", c.to, got, err, c.want)
		}
	}
}

// itself is a world with routes that answer themselves: "old" redirects, "robots" is one text, "told" is for staff.
func itself(t *testing.T) *world {
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an application was asked") })
	return newWorld(t, app, func(c *config.Config) {
		hsts := config.Headers{Set: []config.HeaderValue{{Name: "X-Frame-Options", Value: template(t, `"DENY"`)}}}
		text := &config.Response{Status: http.StatusAccepted, Body: "User-agent: *\n", ContentType: "text/plain; charset=utf-8"}
		robots := routeAt(t, "robots", "=/robots.txt")
		robots.From, robots.Access, robots.Respond = origin("open.test"), config.Public, text
		told := routeAt(t, "told", "=/told")
		told.From, told.Policies, told.Respond = origin("wiki.test"), []string{"staff"}, &config.Response{Status: http.StatusNoContent}
		c.Routes = append(c.Routes, *robots.Route, *told.Route, config.Route{
			Name: "old", From: origin("*.old.test"), Prefix: "/", Access: config.Public,
			Redirect: &config.Redirect{Host: "new.test", Code: http.StatusPermanentRedirect}, ResponseHeaders: hsts,
		})
	})
}

func TestARouteRedirects(t *testing.T) {
	w := itself(t)
	for request, want := range map[string]string{
		"GET /a%7e/../b HTTP/1.1\nHost: x.old.test\n\n":                            "",
		"GET /%61?b=c HTTP/1.1\nHost: X.old.test.\n\n":                             "https://new.test/a?b=c",
		"GET //evil.test/a HTTP/1.1\nHost: x.old.test\n\n":                         "https://new.test/evil.test/a",
		"POST /a HTTP/1.1\nHost: x.old.test\nContent-Length: 3\n\nabc":             "https://new.test/a",
		"GET /a HTTP/1.1\nHost: x.old.test\nX-Forwarded-Host: evil.test\n\n":       "https://new.test/a",
		"GET /a HTTP/1.1\nHost: x.old.test\nX-Original-URL: https://evil.test\n\n": "https://new.test/a",
	} {
		res := w.ask(request)
		if want == "" {
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %s", request, res.Status)
			}
			continue
		}
		if res.StatusCode != http.StatusPermanentRedirect || res.Header.Get("Location") != want || res.Header.Get("X-Frame-Options") != "DENY" || text(t, res) != "" {
			t.Errorf("%q: %s to %s", request, res.Status, res.Header.Get("Location"))
		}
	}
}

func TestARouteAnswersItself(t *testing.T) {
	w := itself(t)
	res := w.ask("GET /robots.txt HTTP/1.1\nHost: open.test\n\n")
	if res.StatusCode != http.StatusAccepted || text(t, res) != "User-agent: *\n" || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	conn := w.dial()
	_, err := conn.Write([]byte("HEAD /robots.txt HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n"))
	w.must(err)
	all, err := io.ReadAll(conn)
	w.must(err)
	if all := string(all); !strings.Contains(all, "\r\nContent-Length: 14\r\n") || !strings.HasSuffix(all, "\r\n\r\n") {
		t.Errorf("HEAD: %q", all)
	}
}

func TestARouteThatAnswersItselfAsksWhoIsAsking(t *testing.T) {
	w := itself(t)
	if res := w.ask("GET /told HTTP/1.1\nHost: wiki.test\n\n"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: %s", res.Status)
	}
	cookie := w.signIn("alice", origin("wiki.test"), "told")
	if res := w.ask("GET /told HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n\n"); res.StatusCode != http.StatusNoContent {
		t.Errorf("alice: %s", res.Status)
	}
}

func TestABodyThatIsTooLongIsNotPassedOn(t *testing.T) {
	var whole, broken atomic.Int32 // bodies, as the application has them
	app := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			broken.Add(1)
			return
		}
		whole.Add(1)
	})
	w := newWorld(t, app, func(c *config.Config) { c.Routes[1].BodyLimit = 10 })
	for request, want := range map[string]int{
		"POST / HTTP/1.1\nHost: open.test\nContent-Length: 10\n\n0123456789":                                                     http.StatusOK,
		"POST / HTTP/1.1\nHost: open.test\nContent-Length: 11\n\n0123456789a":                                                    http.StatusRequestEntityTooLarge,
		"POST / HTTP/1.1\nHost: open.test\nContent-Length: 99999999999999\n\n":                                                   http.StatusRequestEntityTooLarge,
		"POST / HTTP/1.1\nHost: open.test\nContent-Length: 11\nExpect: 100-continue\n\n":                                         http.StatusRequestEntityTooLarge,
		"POST / HTTP/1.1\nHost: open.test\nTransfer-Encoding: chunked\n\n5\n01234\n5\n56789\n0\n\n":                              http.StatusOK,
		"POST / HTTP/1.1\nHost: open.test\nTransfer-Encoding: chunked\n\n5\n01234\n6\n56789a\n0\n\n":                             http.StatusRequestEntityTooLarge,
		"POST / HTTP/1.1\nHost: open.test\nTransfer-Encoding: chunked\n\nfffff\n01234567890123456789012345678901234567890123456": http.StatusRequestEntityTooLarge,
	} {
		res := w.ask(request)
		if res.StatusCode != want {
			t.Errorf("%q: %s", request, res.Status)
		}
		if f := (want == http.StatusRequestEntityTooLarge); f && refusal(t, res).Code != "too_large" {
			t.Errorf("%q: %s", request, text(t, res))
		}
	}
	w.until("the application has seen them all", func() bool { return whole.Load() == 2 && broken.Load() <= 2 })
}
