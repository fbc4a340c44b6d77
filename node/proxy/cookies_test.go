package proxy

import (
	"net/http"
	"slices"
	"testing"

	"golang.org/x/net/http/httpguts"

	"picket/node/proxy/http1"
)

func TestOurCookiesGoAndTheOthersStayByteForByte(t *testing.T) {
	for given, want := range map[string]string{
		"a=1":                       "a=1",
		"a=1;  b=\"x y\" ;c":        "a=1;  b=\"x y\" ;c",
		"__Host-picket=x":           "",
		"__Host-picket=x; a=1":      "a=1",
		"a=1; __Host-picket=x; b=2": "a=1; b=2",
		"a=1; picket=x":             "a=1",
		"picket=x; picket=y; __Host-picket-begin=z": "",
		"picket-begin=x;a=1;  b=2":                  "a=1;  b=2",
		"__Host-picket-other=x; pickets=1; PICKET=": "__Host-picket-other=x; pickets=1; PICKET=",
		" picket =x; a=1":                           "a=1",
		"picket; a=1":                               "a=1",
		"":                                          "",
	} {
		got := withoutCookie(given, ourCookies())
		if got != want {
			t.Errorf("of %q is left %q; want %q", given, got, want)
		}
	}
}

func TestOfTwoCookiesOfOneNameNeitherIsTaken(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"a=1; s=x; b=2"}, "x"},
		{[]string{"a=1", "s = x "}, "x"},
		{[]string{"s=x; s=y"}, ""},
		{[]string{"s=x", "s=x"}, ""},
		{[]string{"S=x"}, ""},
		{[]string{"\ts\t=\tx\t;u=s=y"}, "x"},
		{[]string{"s"}, ""},
		{nil, ""},
	} {
		if got := soleCookies(cookieFields(c.lines...), [2]string{"t", "s"}); got != [2]string{"", c.want} {
			t.Errorf("%q gives %q; want %q", c.lines, got, c.want)
		}
	}
}

func TestAnUpstreamSetsNoCookieOfOurs(t *testing.T) {
	fields := http1.Fields{{Name: "Alt-Svc", Value: "h3"}}
	for _, line := range []string{
		"a=1; Path=/", "__Host-picket=evil; Path=/; Secure", "__host-PICKET=evil", " picket = evil", "=picket=evil", "= __Host-picket=evil",
		"picket", "picket-begin=; Max-Age=0", "pickets=1", "b=picket=1",
	} {
		fields = append(fields, http1.Field{Name: "set-Cookie", Value: line})
	}
	(&Door{cookies: ourCookies()}).outgoing(&fields, &ask{})
	if got, want := fields.Header()["Set-Cookie"], []string{"a=1; Path=/", "pickets=1", "b=picket=1"}; !slices.Equal(got, want) || len(fields) != 3 {
		t.Errorf("left: %q", fields)
	}
}

// cookieFields are Cookie fields of some lines.
func cookieFields(lines ...string) (fields http1.Fields) {
	for _, line := range lines {
		fields = append(fields, http1.Field{Name: "cookie", Value: line})
	}
	return fields
}

func FuzzCookies(f *testing.F) {
	for _, seed := range []string{"a=1; picket=x", "picket=x;;a", " __Host-picket = y ;b=\"picket=z\"", ";picket", "=picket=1", "picket\n", "y=0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !httpguts.ValidHeaderFieldValue(line) {
			return // no protocol lets it in
		}
		left := withoutCookie(line, ourCookies())
		for _, name := range ourCookies() {
			if soleCookies(cookieFields(left, "x=1"), [2]string{name, "y"})[0] != "" {
				t.Fatalf("of %q is left %q", line, left)
			}
		}
		for _, c := range (&http.Request{Header: http.Header{"Cookie": {left}}}).Cookies() {
			if slices.Contains(ourCookies(), c.Name) {
				t.Fatalf("of %q is left %q, where net/http finds %s", line, left, c.Name)
			}
		}
		kept := (&http.Request{Header: http.Header{"Cookie": {left}}}).Cookies()
		i := 0
		for _, c := range (&http.Request{Header: http.Header{"Cookie": {line}}}).Cookies() {
			if slices.Contains(ourCookies(), c.Name) {
				continue
			}
			if i == len(kept) || kept[i].String() != c.String() {
				t.Fatalf("of %q is left %q: %s is lost", line, left, c.Name)
			}
			i++
		}
	})
}
