package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"picket/node/authn"
)

func TestTheEndpointsAnswerOnEveryHost(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, host := range []string{"wiki", "auth", "red.teams"} {
		base := w.origin(host).String()

		p := b.get(base + "/.picket/ping")
		if p.status != http.StatusOK || p.body != "{\"pong\":true}\n" {
			t.Errorf("%s: ping: %d %q", host, p.status, p.body)
		}

		p = b.get(base + "/.well-known/picket/jwks.json")
		var keys struct{ Keys []map[string]any }
		if err := json.Unmarshal([]byte(p.body), &keys); err != nil || len(keys.Keys) == 0 {
			t.Errorf("%s: keys: %v %s", host, err, p.body)
		}
		if p.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(p.header.Get("Cache-Control"), "max-age=") {
			t.Errorf("%s: keys with %v", host, p.header)
		}
		if strings.Contains(p.body, `"d":`) {
			t.Errorf("%s: the private key is shown", host)
		}

		if p = b.get(base + "/.picket/nothing"); p.status != http.StatusNotFound || !strings.Contains(p.body, "There is no such page") {
			t.Errorf("%s: unknown page: %d", host, p.status)
		}
	}
}

func TestOnlyTheMethodsOfAnEndpointAreAnswered(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for path, allow := range map[string]string{
		"/.picket/": "GET, HEAD", "/.picket/sign_in": "GET, HEAD", "/.picket/callback": "GET",
		"/.picket/sign_out": "GET, HEAD, POST", "/.picket/user": "GET, HEAD", "/.well-known/picket/jwks.json": "GET, HEAD",
	} {
		p := b.send(http.MethodPut, w.origin("wiki").String()+path, nil)
		if p.status != http.StatusMethodNotAllowed || p.header.Get("Allow") != allow {
			t.Errorf("PUT %s: %d, Allow %q", path, p.status, p.header.Get("Allow"))
		}
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New made a console of nothing")
	}
}

func TestCookiesAreWrittenAsAskedFor(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		cookie authn.Cookie
		want   string
	}{
		{
			authn.Cookie{Name: "__Host-picket", Value: "v", Expires: now.Add(time.Hour), Secure: true, SameSite: "lax"},
			"__Host-picket=v; Path=/; Expires=Tue, 01 Sep 2026 13:00:00 GMT; HttpOnly; Secure; SameSite=Lax",
		},
		{authn.Cookie{Name: "picket-begin", Value: "v"}, "picket-begin=v; Path=/; HttpOnly; SameSite=Lax"},
		{authn.Cookie{Name: "p", Value: "v", Secure: true, SameSite: "none"}, "p=v; Path=/; HttpOnly; Secure; SameSite=None"},
		{authn.Cookie{Name: "p", Value: "v", SameSite: "Strict"}, "p=v; Path=/; HttpOnly; SameSite=Strict"},
		{
			authn.Cookie{Name: "p", Value: "v", Expires: time.Unix(1, 0)},
			"p=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax",
		},
	} {
		if got := httpCookie(c.cookie, now).String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestInstantsAreSaidInTheirLargestUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Second: "now", -10 * time.Second: "now", time.Minute: "in 1 minute", -90 * time.Minute: "2 hours ago",
		14*time.Hour - time.Second: "in 14 hours", 50 * time.Hour: "in 2 days", -49 * time.Hour: "2 days ago",
	} {
		if got := near(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
