package proxy

import (
	"fmt"
	"net/http"
	"testing"

	"picket/node/authn"
	"picket/node/config"
	"picket/policy"
)

func TestAPreflightIsForTheRouteOfTheRequestThatItAnnounces(t *testing.T) {
	open := routeAt(t, "open", "PUT /api")
	open.CORSPreflight = true
	made, err := newTable([]*route{open, routeAt(t, "closed", "POST /api"), routeAt(t, "options", "OPTIONS /other"), routeAt(t, "all", "/all")}, config.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	s := made.find("a.test")
	for _, c := range []struct {
		path, announced, want string
		preflight             bool
	}{
		{"/api", "PUT", "open", true},
		{"/api", "PUT", "", false},
		{"/api", "POST", "", true}, // its route has none
		{"/api", "DELETE", "", true},
		{"/api", "OPTIONS", "", true},
		{"/other", "OPTIONS", "options", true},
		{"/other", "PUT", "options", true},
		{"/all", "PUT", "all", true},
	} {
		in := &policy.Request{
			Method: "OPTIONS", Path: c.path, CORSPreflight: c.preflight,
			Header: policy.Headers{"Access-Control-Request-Method": c.announced},
		}
		got := ""
		if r, to := s.routeOf(in); to == toRoute {
			got = r.Name
		}
		if got != c.want {
			t.Errorf("%+v is for %q", c, got)
		}
	}
}

// preflight is what a browser asks with before a page of another origin puts something.
const preflight = "OPTIONS /a HTTP/1.1\nHost: wiki.test\nOrigin: https://elsewhere.test\nAccess-Control-Request-Method: PUT\nAccess-Control-Request-Headers: x-a\n"

func TestOnlyAPreflightPassesWithoutASession(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "arrived ", r.Header.Get("X-Forwarded-Email"))
	})
	w := newWorld(t, app, func(c *config.Config) { c.Routes[0].CORSPreflight = true })
	if res := w.ask(preflight + "\n"); res.StatusCode != http.StatusOK || text(t, res) != "arrived " {
		t.Fatalf("a preflight: %s", res.Status)
	}
	for name, request := range map[string]string{
		"of another method":  "GET /a HTTP/1.1\nHost: wiki.test\nOrigin: https://elsewhere.test\nAccess-Control-Request-Method: PUT\n\n",
		"of no method":       "OPTIONS /a HTTP/1.1\nHost: wiki.test\nOrigin: https://elsewhere.test\n\n",
		"for an empty one":   "OPTIONS /a HTTP/1.1\nHost: wiki.test\nOrigin: https://elsewhere.test\nAccess-Control-Request-Method:\n\n",
		"for two":            preflight + "Access-Control-Request-Method: GET\n\n",
		"for what is none":   "OPTIONS /a HTTP/1.1\nHost: wiki.test\nOrigin: https://elsewhere.test\nAccess-Control-Request-Method: PUT, GET\n\n",
		"of no origin":       "OPTIONS /a HTTP/1.1\nHost: wiki.test\nAccess-Control-Request-Method: PUT\n\n",
		"of an empty origin": "OPTIONS /a HTTP/1.1\nHost: wiki.test\nOrigin:\nAccess-Control-Request-Method: PUT\n\n",
		"of two origins":     preflight + "Origin: https://wiki.test\n\n",
		"with a body":        preflight + "Content-Length: 1\n\na",
		"in chunks":          preflight + "Transfer-Encoding: chunked\n\n1\na\n0\n\n",
		"with a cookie":      preflight + "Cookie: a=b\n\n",
		"with credentials":   preflight + "Authorization: Basic YTpi\n\n",
		"that is to be none": preflight + "Connection: origin, access-control-request-method\n\n",
		"that switches":      preflight + "Connection: upgrade\nUpgrade: h2c\n\n",
	} {
		if res := w.ask(request); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
}

func TestAPreflightOfARouteThatHasNoneIsForWhoMayEnter(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it arrived") }))
	if res := w.ask(preflight + "\n"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %s", res.Status)
	}
}

// TestAPreflightUnderWayIsLeftAlone asks about one again while the application thinks.
func TestAPreflightUnderWayIsLeftAlone(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-answer })
	w := newWorld(t, app, func(c *config.Config) { c.Routes[0].CORSPreflight = true })
	done := make(chan *http.Response)
	go func() { done <- w.ask(preflight + "\n") }()
	<-asked
	before := w.door.changes.heard.Load()
	w.door.Changed()
	w.door.askAgain(w.ctx, w.door.streams.pick(authn.Change{}))
	close(answer)
	if res := <-done; res.StatusCode != http.StatusOK || w.door.changes.heard.Load() == before {
		t.Errorf("got %s", res.Status)
	}
}
