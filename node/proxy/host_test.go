package proxy

import (
	"strings"
	"testing"

	"picket/node/config"
)

func TestHostOf(t *testing.T) {
	for given, want := range map[string]string{
		"wiki.example.com":       "wiki.example.com",
		"WIKI.Example.com.:8443": "wiki.example.com",
		"localhost:1":            "localhost",
		"127.0.0.1:80":           "127.0.0.1",
		"[::1]:443":              "::1",
		"[2001:DB8::1]":          "2001:db8::1",
		"my_app.localhost":       "my_app.localhost",
	} {
		if got, ok := hostOf(given); !ok || got != want {
			t.Errorf("hostOf(%q) = %q, %v; want %q", given, got, ok, want)
		}
	}
}

func TestATableReadsHostsAsAnybodyDoes(t *testing.T) {
	var routes []*route
	for _, o := range []config.Origin{origin("wiki.test"), origin("[::1]"), origin("WIKI2.test"), {Scheme: "https", Host: "git.test", Port: "8443"}, origin("*.apps.test")} {
		routes = append(routes, &route{Route: &config.Route{Name: o.Host, From: o, Prefix: "/"}})
	}
	made, err := newTable(routes, origin("auth.test"))
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{
		"wiki.test", "wiki.test:443", "wiki.test.", "WIKI.test", "[::1]", "::1", "[::1]:443", "WIKI2.test", "wiki2.test", "git.test", "git.test:8443",
		"git.test:8443:1", "*.apps.test", "a.apps.test", "auth.test", "", "other.test", "wiki.test:", "wiki.test:x",
	} {
		host, ok := hostOf(given)
		got, s, gotOK := made.hostOf(given)
		if got != host || gotOK != ok {
			t.Errorf("%q is read as %q, %v; want %q, %v", given, got, gotOK, host, ok)
		}
		if s != nil && s != made.find(host) {
			t.Errorf("%q is found to be of %s", given, s.origin)
		}
	}
	if len(made.written) != 6 {
		t.Errorf("%v are known", made.written)
	}
}

func TestHostOfRefusesWhatIsNoHost(t *testing.T) {
	for _, given := range []string{
		"", ".", "..", "a..b", ".a", "a..", ":80", "a:", "a:b", "a:1:2", "a:123456", "user@a", "a/b", "a b", "a,b", "a\x00", "ü.de",
		"[::1", "::1", "[::1]x", "[::1%25eth0]", "[a]", "*.example.com", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a",
	} {
		if got, ok := hostOf(given); ok {
			t.Errorf("hostOf(%q) = %q", given, got)
		}
	}
}

func FuzzHostOf(f *testing.F) {
	for _, seed := range []string{"a.b:1", "A.", "[::1]:80", "a..b", "@", "::1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		host, ok := hostOf(given)
		if !ok {
			return
		}
		if host != strings.ToLower(host) || strings.HasSuffix(host, ".") || strings.ContainsAny(host, "/@[] \\*,") {
			t.Fatalf("hostOf(%q) = %q", given, host)
		}
		if again, ok := canonicalHost(host); !ok || again != host {
			t.Fatalf("%q became %q, and that %q", given, host, again)
		}
	})
}
