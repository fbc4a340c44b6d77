package proxy

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
	"picket/node/proxy/http1"
)

func testScrubber() *scrubber {
	return newScrubber([]*route{
		{Route: &config.Route{}, assertion: http1.NewField("X-Assertion", ""), identity: []header{newHeader("Remote-User", nil), newHeader("X-App.Groups", nil), newHeader("-Odd", nil)}},
	})
}

func TestReservedNamesGoHoweverTheyAreSpelt(t *testing.T) {
	s := testScrubber()
	for _, name := range []string{
		"X-Picket-Jwt-Assertion", "x_picket_user", "X.Picket.User", "X Picket User", "X-PICKET-", "X-Forwarded-For", "X_Forwarded_For",
		"X-Forwarded-Anything", "X-Forwarded", "Forwarded", "X-Real-Ip", "X.Real_IP", "X-Assertion", "x_assertion", "REMOTE_USER",
		"Remote-User", "X-App-Groups", "x.app.groups", "X-Request-Id", "X-Original-Url", "Proxy", ".odd", "_ODD",
		"Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-Client-Certificate", "SSL_CLIENT_VERIFY", "Ssl-Client-Subject-Dn", "X-SSL-Client-S-DN",
		"X-Forwarded-Client-Cert", "X_Forwarded.Tls-Client-Cert-Info", "X-Amzn-Mtls-Clientcert", "X-ARR-ClientCert", "X-TLS-Client-Verified",
		"X-Auth-Request-User", "X_Remote_Group", "X-WebAuth-User", "X-Authentik-Groups", "Remote_Groups", "X-Original-Method", // of other proxies
		"X-Picket-" + strings.Repeat("a", 500),
		"X~Picket~User", "X-Picket+User", "X!Forwarded'For", "Remote*User", "X&Real|Ip", "`odd", // what lighttpd has CGI see as the same
	} {
		if !s.isReserved(name) {
			t.Errorf("%q stays", name)
		}
	}
	for _, family := range reservedFamilies {
		for _, spelt := range []string{family, family + "x", strings.ToUpper(family) + strings.Repeat("y", 70), strings.ReplaceAll(family, "-", "_"), strings.ReplaceAll(family, "-", ".")} {
			if !s.isReserved(spelt) {
				t.Errorf("%q stays", spelt)
			}
		}
	}
	for name := range s.names {
		for _, spelt := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", ".")} {
			if !s.isReserved(spelt) {
				t.Errorf("%q stays", spelt)
			}
		}
	}
	for _, name := range []string{"Accept", "X-Forward", "Xpicket", "X-Pick", "Remote", "Remote-Users", "Cookie", "Authorization", ""} {
		if s.isReserved(name) {
			t.Errorf("%q goes", name)
		}
	}
}

// Names that most clients send need no look, unless a route gives one of them a meaning.
func TestAUsualNameThatARouteGivesIsReserved(t *testing.T) {
	for _, name := range usual {
		s := newScrubber([]*route{{Route: &config.Route{}, identity: []header{newHeader(name, nil)}}})
		fields := http1.Fields{http1.NewField(name, "forged"), http1.NewField("Accept-Language", "de")}
		if s.request(&fields); len(fields) != 1 || fields[0].Name != "Accept-Language" {
			t.Errorf("%s: left is %v", name, fields)
		}
		fields = http1.Fields{http1.NewField(name, "x")}
		if testScrubber().request(&fields); len(fields) != 1 {
			t.Errorf("%s goes where no route gives it", name)
		}
	}
}

func TestNominationsAreDroppedBeforeOurs(t *testing.T) {
	fields := http1.Fields{
		{Name: "Connection", Value: "keep-alive, X-Secret-Switch"}, {Name: "connection", Value: " x-forwarded-for ,Upgrade"},
		{Name: "Keep-Alive", Value: "1"}, {Name: "TE", Value: "trailers"}, {Name: "Upgrade", Value: "h2c"},
		{Name: "X-Picket-A", Value: "forged"}, {Name: "Remote_user", Value: "forged"}, {Name: "x-Secret-switch", Value: "1"},
		{Name: "X-Forwarded-For", Value: "1.2.3.4"}, {Name: "Proxy-Authorization", Value: "x"}, {Name: "X-Request-Id", Value: "forged"},
		{Name: "Accept", Value: "a"}, {Name: "accept", Value: "b"},
	}
	a := &ask{w: recorder{id: http1.NewField("X-Request-Id", "ours")}, rules: &Rules{scrub: testScrubber()}, r: &http1.Request{Head: http1.Head{Fields: fields}}}
	a.scrub()
	want := http1.Fields{{Name: "Accept", Value: "a"}, {Name: "accept", Value: "b"}, {Name: "Te", Value: "trailers"}, http1.NewField("X-Request-Id", "ours")}
	if !slices.Equal(a.r.Fields, want) {
		t.Errorf("left: %v", a.r.Fields)
	}
}

func FuzzScrub(f *testing.F) {
	for _, seed := range []string{"X-Picket-User", "x_forwarded.for", "Remote User", "remote_user", "connection", "X-Real-IP"} {
		f.Add(seed, "Accept, "+seed)
	}
	f.Fuzz(func(t *testing.T, name, nominated string) {
		fields := http1.Fields{{Name: name, Value: "forged"}, {Name: http.CanonicalHeaderKey(name), Value: "forged"}, {Name: "Connection", Value: nominated}}
		testScrubber().request(&fields)
		for _, f := range fields {
			left := f.Name
			folded := strings.Map(func(r rune) rune {
				if strings.ContainsRune("_. ", r) {
					return '-'
				}
				return r
			}, strings.ToLower(left))
			_, named := testScrubber().names[folded]
			if named || slices.ContainsFunc(reservedFamilies[:], func(family string) bool { return strings.HasPrefix(folded, family) }) {
				t.Fatalf("%q stayed", left)
			}
		}
	})
}

func BenchmarkScrub(b *testing.B) {
	s := testScrubber()
	fields := http1.Fields{
		{Name: "Accept", Value: "*/*"}, {Name: "User-Agent", Value: "x"}, {Name: "Accept-Encoding", Value: "gzip"}, {Name: "Cookie", Value: "a=b"},
		{Name: "Cache-Control", Value: "no-cache"}, {Name: "Sec-Fetch-Mode", Value: "navigate"}, {Name: "Sec-Fetch-Dest", Value: "document"},
		{Name: "Accept-Language", Value: "de"},
	}
	b.ReportAllocs()
	for range b.N {
		s.request(&fields)
	}
}
