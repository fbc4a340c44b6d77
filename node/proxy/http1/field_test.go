package http1

import (
	"slices"
	"strings"
	"testing"
)

func TestANameIsKnownInAnyCase(t *testing.T) {
	seen := map[Known]string{}
	for _, name := range []string{
		"Accept", "Alt-Svc", "Authorization", "Cache-Control", "Connection", "Content-Length", "Cookie", "Date", "Expect", "Host", "Keep-Alive",
		"Origin", "Access-Control-Request-Method", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "X-Requested-With",
		"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Set-Cookie", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade", "User-Agent", "X-Forwarded-For", "X-Request-Id",
	} {
		known := Know(name)
		if known == Other || seen[known] != "" {
			t.Errorf("%s is taken for %d, as %s is", name, known, seen[known])
		}
		seen[known] = name
		if Know(strings.ToLower(name)) != known || Know(strings.ToUpper(name)) != known {
			t.Errorf("%s is known in one case alone", name)
		}
		for i := range len(name) { // no other byte folds to a letter, a digit or a hyphen
			for c := range 256 {
				other := name[:i] + string([]byte{byte(c)}) + name[i+1:]
				if !strings.EqualFold(other, name) && Know(other) == known {
					t.Fatalf("%q is taken for %s", other, name)
				}
			}
		}
	}
	if len(seen) != int(XRequestID) {
		t.Errorf("%d names of %d", len(seen), XRequestID)
	}
}

func TestFieldsAreOneListWhateverTheirCase(t *testing.T) {
	f := Fields{{"a", "1"}, {"B", "2"}, {"A", "3"}, {"c", "4"}}
	if value, ok := f.Get("A"); value != "1" || !ok {
		t.Errorf("%q, %v", value, ok)
	}
	f.Set("A", "5")
	f.Remove("b")
	f.Set("d", "6")
	if want := (Fields{{"A", "5"}, {"c", "4"}, {"d", "6"}}); !slices.Equal(f, want) {
		t.Errorf("%v", f)
	}
	h := Fields{{"x-a", "1"}, {"X-A", "2"}, {"x-b", ""}}.Header()
	if len(h) != 2 || !slices.Equal(h["X-A"], []string{"1", "2"}) || !slices.Equal(h["X-B"], []string{""}) {
		t.Errorf("%q", h)
	}
	if back := Fields(nil).Flat(h); !slices.Contains(back, Field{"X-A", "2"}) || len(back) != 3 {
		t.Errorf("%v", back)
	}
}
