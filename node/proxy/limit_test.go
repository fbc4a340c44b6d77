package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

// limited gives a route of the test a limit of three an hour.
func limited(route int, key config.LimitKey) func(*config.Config) {
	return func(c *config.Config) {
		c.Routes[route].Limit = config.RateLimit{Rate: 3, Per: time.Hour, Burst: 3, Key: key}
	}
}

func TestWhoeverAsksTooOftenIsToldWhenToAskAgain(t *testing.T) {
	reached := make(chan string, 16)
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { reached <- r.URL.Path; mirror(rw, r) }), limited(1, config.LimitByAddress))
	for i := range 3 {
		if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusOK {
			t.Fatalf("request %d of 3: %d", i+1, res.StatusCode)
		}
	}
	res := w.ask("POST /body HTTP/1.1\nHost: open.test\nContent-Length: 100\n\n") // and no body: it is not waited for
	f := refusal(t, res)
	if res.StatusCode != http.StatusTooManyRequests || f.Code != "too_many_requests" || f.Route != "open" {
		t.Fatalf("the fourth: %d %+v", res.StatusCode, f)
	}
	if f.RetryAfter <= 19*time.Minute || f.RetryAfter > 20*time.Minute {
		t.Errorf("to be asked again after %v, not when the next of three in an hour is due", f.RetryAfter)
	}
	if want := fmt.Sprintf(`"default";r=0;t=%d`, int(f.RetryAfter.Seconds())); f.RateLimit != want || f.RateLimitPolicy != `"default";q=3;w=3600` {
		t.Errorf("RateLimit is %s and RateLimit-Policy %s", f.RateLimit, f.RateLimitPolicy)
	}
	if len(reached) != 3 {
		t.Errorf("%d requests reached the application", len(reached))
	}
	if n := w.gauge("picket_rate_limited_total"); n != 1 {
		t.Errorf("%v are counted as refused", n)
	}
}

func TestALimitByAddressComesBeforeAnythingIsAskedOfTheStore(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), limited(0, config.LimitByAddress))
	for range 3 {
		if res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nAccept: application/json\n\n"); res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("nobody: %d", res.StatusCode)
		}
	}
	if res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nAccept: application/json\n\n"); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("nobody, a fourth time: %d", res.StatusCode)
	}
	if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusOK {
		t.Errorf("another route: %d", res.StatusCode)
	}
}

func TestALimitByUserIsOfAPersonWhateverTheSession(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), limited(0, config.LimitByUser))
	phone, laptop := w.signIn("alice", origin("wiki.test"), "wiki"), w.signIn("alice", origin("wiki.test"), "wiki")
	bearer := w.program("alice", origin("wiki.test"), "wiki")
	ask := func(credentials string) int {
		return w.ask("GET / HTTP/1.1\nHost: wiki.test\nAccept: application/json\n" + credentials + "\n\n").StatusCode
	}
	var got []int
	for _, credentials := range []string{"Cookie: " + phone, "Cookie: " + laptop, "Authorization: Bearer " + bearer, "Cookie: " + laptop} {
		got = append(got, ask(credentials))
	}
	if want := []int{200, 200, 200, 429}; !slices.Equal(got, want) {
		t.Errorf("alice, by whatever she has: %v, not %v", got, want)
	}
	for range 5 {
		if status := ask("X-Nobody: 1"); status != http.StatusUnauthorized {
			t.Errorf("who is not known takes nothing: %d", status)
		}
	}
	if status := ask("Cookie: " + w.signIn("carol", origin("wiki.test"), "wiki")); status != http.StatusOK {
		t.Errorf("carol, from the same address: %d", status)
	}
}

func TestALimitByUserCountsByAddressWhoIsNotKnown(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), limited(1, config.LimitByUser))
	var got []int
	for range 4 {
		got = append(got, w.ask("GET / HTTP/1.1\nHost: open.test\n\n").StatusCode)
	}
	if want := []int{200, 200, 200, 429}; !slices.Equal(got, want) {
		t.Errorf("got %v, not %v", got, want)
	}
}

func TestALimitIsKeptWhenTheConfigurationIsReadAnew(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), limited(1, config.LimitByAddress))
	for range 3 {
		w.ask("GET / HTTP/1.1\nHost: open.test\n\n")
	}
	w.use(func(c *config.Config) { c.Routes[0].WebSocket = false })
	if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after a reload: %d", res.StatusCode)
	}
	w.use(func(c *config.Config) { c.Routes[1].Limit = config.RateLimit{} })
	if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusOK {
		t.Errorf("without a limit: %d", res.StatusCode)
	}
}

func TestCallbacksThatFailAreLimitedAndThoseThatSucceedAreNot(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), fromElsewhere)
	for i := range 200 {
		if res := w.ask("GET /.picket/callback?code=good HTTP/1.1\nHost: wiki.test\nX-Forwarded-For: 203.0.113.9\n\n"); res.StatusCode != http.StatusOK {
			t.Fatalf("good callback %d: %d", i, res.StatusCode)
		}
	}
	passed := 0
	for range 200 {
		if res := w.ask("GET /.picket/callback?code=garbage&status=400 HTTP/1.1\nHost: wiki.test\nX-Forwarded-For: 203.0.113.9\n\n"); res.StatusCode == http.StatusBadRequest {
			passed++
		}
	}
	if passed < 60 || passed > 60+60 { // and what comes back while a slow machine asks
		t.Errorf("%d of 200 callbacks with garbage passed, not about 60", passed)
	}
	if res := w.ask("GET /.picket/ HTTP/1.1\nHost: wiki.test\nX-Forwarded-For: 203.0.113.9\n\n"); res.StatusCode != http.StatusOK {
		t.Errorf("another page: %d", res.StatusCode)
	}
}

func TestTheStoreIsNotTheVisitorsFault(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), fromElsewhere)
	for i := range 200 {
		if res := w.ask("GET /.picket/callback?code=good&status=503 HTTP/1.1\nHost: wiki.test\nX-Forwarded-For: 203.0.113.9\n\n"); res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("callback %d while the store is away: %d", i, res.StatusCode)
		}
	}
}

func TestSignInsThatLeadNowhereAreLimited(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), fromElsewhere)
	conn := w.dial()
	passed := 0
	for range 1500 {
		_, err := conn.Write([]byte(strings.ReplaceAll("GET /.picket/sign_in HTTP/1.1\nHost: wiki.test\nX-Forwarded-For: 203.0.113.9\n\n", "\n", "\r\n")))
		w.must(err)
		if w.read(conn).StatusCode == http.StatusOK {
			passed++
		}
	}
	if passed < 600 || passed > 600+400 {
		t.Errorf("%d of 1500 passed, not about 600", passed)
	}
}

// fromElsewhere has the door believe what a test says of the client's address.
func fromElsewhere(c *config.Config) {
	c.Listeners[0].TrustedProxies = prefixes("127.0.0.0/8", "::1/128")
}

func TestThisMachineMayCallBackAsOftenAsItLikes(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	for i := range 200 {
		if res := w.ask("GET /.picket/callback?code=garbage&status=400 HTTP/1.1\nHost: wiki.test\n\n"); res.StatusCode != http.StatusBadRequest {
			t.Fatalf("callback %d: %d", i, res.StatusCode)
		}
	}
}
