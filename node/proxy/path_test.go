package proxy

import (
	"net/url"
	"strings"
	"testing"

	"picket/examples/allocs"
)

func TestCanonicalPathHasOneSpelling(t *testing.T) {
	for given, want := range map[string]string{
		"/":                      "/",
		"/a/b/":                  "/a/b/",
		"/%61dmin/%7Euser":       "/admin/~user",
		"/a%2db":                 "/a-b",
		"/%40scope/pkg":          "/@scope/pkg",
		"/caf%c3%a9":             "/caf%C3%A9",
		"/a%3bb;c":               "/a%3Bb;c",
		"/a%20b%2b+":             "/a%20b%2B+",
		"/a|b[1]{x}^":            "/a%7Cb%5B1%5D%7Bx%7D%5E",
		"//admin///x":            "/admin/x",
		"/a//":                   "/a/",
		"//":                     "/",
		"/./a/./b/.":             "/a/b/",
		"/%2e/a":                 "/a",
		"/.well-known/x/...":     "/.well-known/x/...",
		"/.a/..b/c..":            "/.a/..b/c..",
		"/%25%32%65":             "/%252e",
		"/a;p=1/b":               "/a;p=1/b",
		"/@user/(x)!$&'*,:":      "/@user/(x)!$&'*,:",
		"/proxy/https://e.test/": "/proxy/https:/e.test/",
	} {
		got, err := canonicalPath(given)
		if err != nil || got != want {
			t.Errorf("canonicalPath(%q) = %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestCanonicalPathRefuses(t *testing.T) {
	for given, want := range map[string]error{
		"":                     errForm,
		"*":                    errForm,
		"a/b":                  errForm,
		"http://wiki.test/a":   errForm,
		"/a/../b":              errClimb,
		"/..":                  errClimb,
		"/a/%2e%2E/b":          errClimb,
		"/a/.%2e":              errClimb,
		"/a/..;/b":             errClimb,
		"/a/..;x=1":            errClimb,
		"/a/.;/b":              errClimb,
		"/a/..%3b/b":           errClimb,
		"/a%2fb":               errEncoded,
		"/a%2Fb":               errEncoded,
		"/a%5c..%5cb":          errEncoded,
		"/a%00":                errEncoded,
		"/a%0d%0aX:%20y":       errEncoded,
		"/a%7f":                errEncoded,
		"/a%":                  errEscape,
		"/a%2":                 errEscape,
		"/a%zz":                errEscape,
		`/a\b`:                 errByte,
		"/a b":                 errByte,
		"/a\tb":                errByte,
		"/a\x00":               errByte,
		"/a#b":                 errByte,
		"/caf\xc3\xa9":         errByte,
		"/\"":                  errByte,
		"/<script>":            errByte,
		"/%2e%2e%2f%2e%2e%2fx": errEncoded,
	} {
		if got, err := canonicalPath(given); err != want {
			t.Errorf("canonicalPath(%q) = %q, %v; want the error %v", given, got, err, want)
		}
	}
}

func TestTheQueryStaysAsItIs(t *testing.T) {
	path, query, err := canonicalTarget("/a/?b=%zz&c=1;2&//..")
	if err != nil || path != "/a/" || query != "b=%zz&c=1;2&//.." {
		t.Errorf("got %q, %q, %v", path, query, err)
	}
	for _, target := range []string{"/a?b#c", "/a?b c", "/a?\x01", "/a?\xff"} {
		if _, _, err := canonicalTarget(target); err == nil {
			t.Errorf("%q was taken", target)
		}
	}
}

func TestACanonicalPathCostsNothing(t *testing.T) {
	if n := allocs.Least(0, 100, func() { _, _ = canonicalPath("/a/long/path/to/some/page.html") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCanonicalPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/%61/./b//c", "/a/../b", "/..;/x", "/a%2fb", "/%e9|", "//", "/.%2e;/", "*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		path, err := canonicalPath(given)
		if err != nil {
			return
		}
		if again, err := canonicalPath(path); err != nil || again != path {
			t.Fatalf("%q became %q, and that %q, %v", given, path, again, err)
		}
		u, err := url.ParseRequestURI(path)
		if err != nil || u.EscapedPath() != path {
			t.Fatalf("%q became %q, which net/url reads as %+v, %v", given, path, u, err)
		}
		for i, segment := range strings.Split(u.Path, "/") {
			name, _, _ := strings.Cut(segment, ";")
			if name == ".." || segment == "." || segment == "" && i > 0 && !strings.HasSuffix(path, "/") {
				t.Fatalf("%q became %q, with segment %q", given, path, segment)
			}
		}
		if strings.ContainsAny(u.Path, "\\\x00\r\n") || strings.Count(u.Path, "/") != strings.Count(path, "/") {
			t.Fatalf("%q became %q, which unescapes to %q", given, path, u.Path)
		}
	})
}
