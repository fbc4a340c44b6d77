package proxy

import (
	"net/http"
	"strings"
	"testing"

	"picket/node/config"
)

func testScrubber() *scrubber {
	return newScrubber([]*route{
		{Route: &config.Route{}, assertion: "X-Assertion", identity: []header{{name: "Remote-User"}, {name: "X-App.Groups"}}},
	})
}

func TestReservedNamesGoHoweverTheyAreSpelt(t *testing.T) {
	s := testScrubber()
	for _, name := range []string{
		"X-Picket-Jwt-Assertion", "x_picket_user", "X.Picket.User", "X Picket User", "X-PICKET-", "X-Forwarded-For", "X_Forwarded_For",
		"X-Forwarded-Anything", "X-Forwarded", "Forwarded", "X-Real-Ip", "X.Real_IP", "X-Assertion", "x_assertion", "REMOTE_USER",
		"Remote-User", "X-App-Groups", "x.app.groups", "X-Request-Id", "X-Original-Url", "Proxy",
		"X-Picket-" + strings.Repeat("a", 500),
	} {
		if !s.isReserved(name) {
			t.Errorf("%q stays", name)
		}
	}
	for _, name := range []string{"Accept", "X-Forward", "Xpicket", "X-Pick", "Remote", "Remote-Users", "Cookie", "Authorization", ""} {
		if s.isReserved(name) {
			t.Errorf("%q goes", name)
		}
	}
}

func TestNominationsAreDroppedBeforeOurs(t *testing.T) {
	h := http.Header{
		"Connection":  {"keep-alive, X-Secret-Switch", " x-forwarded-for ,Upgrade"},
		"Keep-Alive":  {"1"},
		"Te":          {"trailers"},
		"Upgrade":     {"h2c"},
		"X-Picket-A":  {"forged"},
		"Remote_user": {"forged"},

		"X-Secret-Switch":     {"1"},
		"X-Forwarded-For":     {"1.2.3.4"},
		"Proxy-Authorization": {"x"},
		"Accept":              {"a", "b"},
	}
	testScrubber().request(h)
	if len(h) != 2 || len(h["Accept"]) != 2 || h.Get("Te") != "trailers" {
		t.Errorf("left: %v", h)
	}
	a := &ask{given: []field{{"X-Forwarded-For", "192.0.2.1"}}}
	a.give(h)
	if h.Get("X-Forwarded-For") != "192.0.2.1" {
		t.Error("ours is missing")
	}
}

func FuzzScrub(f *testing.F) {
	for _, seed := range []string{"X-Picket-User", "x_forwarded.for", "Remote User", "remote_user", "connection", "X-Real-IP"} {
		f.Add(seed, "Accept, "+seed)
	}
	f.Fuzz(func(t *testing.T, name, nominated string) {
		h := http.Header{name: {"forged"}, http.CanonicalHeaderKey(name): {"forged"}, "Connection": {nominated}}
		testScrubber().request(h)
		for left := range h {
			folded := strings.Map(func(r rune) rune {
				if strings.ContainsRune("_. ", r) {
					return '-'
				}
				return r
			}, strings.ToLower(left))
			if strings.HasPrefix(folded, "x-picket-") || strings.HasPrefix(folded, "x-forwarded") || folded == "remote-user" ||
				folded == "x-assertion" || folded == "x-real-ip" {
				t.Fatalf("%q stayed", left)
			}
		}
	})
}

func BenchmarkScrub(b *testing.B) {
	s := testScrubber()
	h := http.Header{
		"Accept": {"*/*"}, "User-Agent": {"x"}, "Accept-Encoding": {"gzip"}, "Cookie": {"a=b"}, "Cache-Control": {"no-cache"},
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Accept-Language": {"de"},
	}
	b.ReportAllocs()
	for range b.N {
		s.reserved(h)
	}
}
