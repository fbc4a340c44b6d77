package console

import (
	"net/url"
	"strings"
	"testing"

	"picket/node/config"
)

func hosts() *Console {
	origin := func(host, port string) config.Origin { return config.Origin{Scheme: "https", Host: host, Port: port} }
	return &Console{config: &config.Config{
		Authenticate: config.Authenticate{URL: origin("auth.example.com", "")},
		Routes: []config.Route{
			{Name: "any", From: origin("*.example.com", ""), Prefix: "/"},
			{Name: "wiki", From: origin("wiki.example.com", ""), Prefix: "/"},
			{Name: "docs", From: origin("wiki.example.com", ""), Prefix: "/docs"},
			{Name: "deep", From: origin("*.dev.example.com", "8443"), Prefix: "/"},
		},
	}}
}

func TestAHostIsFoundByItsAuthority(t *testing.T) {
	c := hosts()
	for authority, want := range map[string]string{
		"auth.example.com":       "https://auth.example.com signs in forwards",
		"wiki.example.com":       "https://wiki.example.com forwards",
		"x.example.com":          "https://x.example.com forwards",
		"a.dev.example.com:8443": "https://a.dev.example.com:8443 forwards",
		"a.dev.example.com:9":    "",
		"example.com":            "",
		".example.com":           "",
		"wiki.example.com:443":   "",
		"":                       "",
	} {
		at, known := c.site(authority)
		got := ""
		if known {
			got = at.origin.String()
		}
		if at.signsIn {
			got += " signs in"
		}
		if at.forwards {
			got += " forwards"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", authority, got, want)
		}
	}
}

func TestARouteIsNamedByItsLongestPrefix(t *testing.T) {
	c := hosts()
	for address, want := range map[string]string{
		"wiki.example.com/":       "wiki",
		"wiki.example.com/docs":   "docs",
		"wiki.example.com/docs/a": "docs",
		"wiki.example.com/docsy":  "wiki",
		"x.example.com/docs":      "any",
		"elsewhere.example/":      "",
	} {
		host, path, _ := strings.Cut(address, "/")
		if got := c.route(host, "/"+path); got != want {
			t.Errorf("%s is of route %q, want %q", address, got, want)
		}
	}
}

func TestOnlyAnAddressOfThisHostIsReturnedTo(t *testing.T) {
	at := site{forwards: true}
	for text, want := range map[string]string{
		"":                                 "/",
		"/":                                "/",
		"/?a=b":                            "/?a=b",
		"/a/b?c=d&e":                       "/a/b?c=d&e",
		"/a%2Fb/%E2%82%AC":                 "/a%2Fb/%E2%82%AC",
		"/a#b":                             "/a",
		"/.picket/":                        "/.picket/",
		"/.picket/sign_in?return=/":        "/",
		"/.picket/sign_out":                "/",
		"/.picket/callback?code=1":         "/",
		"//evil.example":                   "/",
		`/\evil.example`:                   "/",
		`/a\b`:                             "/",
		"https://evil.example/":            "/",
		"javascript:alert(1)":              "/",
		"evil":                             "/",
		"/a\nb":                            "/",
		"/a b":                             "/",
		"/%zz":                             "/",
		"/\xff":                            "/",
		"@evil.example":                    "/",
		"/@evil.example/.picket/sign_in":   "/@evil.example/.picket/sign_in",
		"///evil.example":                  "/",
		`/%2f"`:                            `/%2f"`,
		"/a//b":                            "/a//b",
		"\t/evil.example":                  "/",
		"/.picket/sign%5Fin?return=/again": "/",
	} {
		if got := at.local(text); got != want {
			t.Errorf("%q leads to %q, want %q", text, got, want)
		}
	}
	if got := (site{}).local("/?a"); got != "/.picket/?a" {
		t.Errorf("where nothing is forwarded, / leads to %q", got)
	}
}

func FuzzLocal(f *testing.F) {
	for _, seed := range []string{"/", "//e", `/\e`, "/a?b#c", "/.//e", "/%2f/e", "/a\x00", "/a\u2028", "https://e/", "/:80", "/;/", "/?//e"} {
		f.Add(seed)
	}
	here, err := url.Parse("https://wiki.example.com/")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := site{forwards: true}.local(text)
		u, err := here.Parse(got)
		if err != nil || u.Host != here.Host || u.Scheme != "https" || got[0] != '/' || len(got) > 1 && (got[1] == '/' || got[1] == '\\') {
			t.Errorf("%q leads to %q (%v)", text, got, err)
		}
		if strings.ContainsAny(got, "\\\r\n\t ") {
			t.Errorf("%q leads to %q", text, got)
		}
	})
}
