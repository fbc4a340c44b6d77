package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// fieldsSeen answers with the headers that reached the application.
func fieldsSeen(w http.ResponseWriter, r *http.Request) { reply(w, r.Header) }

func TestAProgramIsLetInByItsBearerWhichGoesNoFurther(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(fieldsSeen))
	wiki, bastion := w.program("alice", origin("wiki.test"), "wiki"), w.program("alice", origin("open.test"), "open")
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	for name, c := range map[string]struct {
		host, lines string
		status      int
		email, sent string // that the application sees
	}{
		"a bearer":                             {"wiki.test", "Authorization: Bearer " + wiki, 200, "alice@example.com", ""},
		"in other letters":                     {"wiki.test", "authorization:  bEARER   " + wiki + " ", 200, "alice@example.com", ""},
		"after a tab":                          {"open.test", "Authorization: Bearer\t" + wiki, 200, "", ""},
		"of another host":                      {"wiki.test", "Authorization: Bearer " + bastion, 401, "", ""},
		"of another host, on a public route":   {"open.test", "Authorization: Bearer " + wiki, 200, "", ""},
		"by the field of proxies":              {"wiki.test", "Proxy-Authorization: Bearer " + wiki, 401, "", ""},
		"no bearer of ours":                    {"open.test", "Authorization: Bearer theirs", 200, "", "Bearer theirs"},
		"no bearer of ours beside a cookie":    {"wiki.test", "Authorization: Basic eDp5\nCookie: " + cookie, 200, "alice@example.com", "Basic eDp5"},
		"a void bearer beside a cookie":        {"wiki.test", "Authorization: Bearer picket.x\nCookie: " + cookie, 401, "", ""},
		"two, of which one is ours":            {"wiki.test", "Authorization: Bearer theirs\nAuthorization: Bearer " + wiki, 401, "", ""},
		"two, on a public route":               {"open.test", "Authorization: Bearer theirs\nAuthorization: Bearer " + wiki, 200, "", "Bearer theirs"},
		"a browser's page, with a bad bearer":  {"wiki.test", "Accept: text/html\nSec-Fetch-Mode: navigate\nAuthorization: Bearer picket.x", 401, "", ""},
		"a bearer that Connection nominates":   {"wiki.test", "Connection: authorization\nAuthorization: Bearer " + wiki, 200, "alice@example.com", ""},
		"a bearer that was cut":                {"wiki.test", "Authorization: Bearer " + wiki[:len(wiki)-1], 401, "", ""},
		"a bearer that has something after it": {"wiki.test", "Authorization: Bearer " + wiki + " x", 401, "", ""},
	} {
		res := w.ask("GET / HTTP/1.1\nHost: " + c.host + "\n" + c.lines + "\n\n")
		if res.StatusCode != c.status || res.Header.Get("Location") != "" {
			t.Errorf("%s: %s %q, want %d", name, res.Status, res.Header.Get("Location"), c.status)
			continue
		}
		text, err := io.ReadAll(res.Body)
		w.must(err)
		if strings.Contains(string(text), "picket.") {
			t.Errorf("%s: our bearer came out: %s", name, text)
		}
		if c.status != 200 {
			continue
		}
		seen := http.Header{}
		w.must(json.Unmarshal(text, &seen))
		if seen.Get("X-Forwarded-Email") != c.email || seen.Get("Authorization") != c.sent {
			t.Errorf("%s: the application sees %q, %q", name, seen.Get("X-Forwarded-Email"), seen.Get("Authorization"))
		}
	}
	for _, line := range w.log.access(t) {
		if text, _ := json.Marshal(line); strings.Contains(string(text), "picket.1") {
			t.Errorf("a bearer is in the log: %s", text)
		}
	}
}
