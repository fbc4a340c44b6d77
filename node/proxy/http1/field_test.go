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
	if len(seen) != int(XRequestID-Other) {
		t.Errorf("%d names of %d", len(seen), XRequestID-Other)
	}
}

func TestFieldsAreOneListWhateverTheirCase(t *testing.T) {
	f := Fields{{Name: "a", Value: "1"}, {Name: "B", Value: "2"}, {Name: "A", Value: "3"}, {Name: "c", Value: "4"}}
	if value, ok := f.Get("A"); value != "1" || !ok {
		t.Errorf("%q, %v", value, ok)
	}
	f.Set("A", "5")
	f.Remove("b")
	f.Set("d", "6")
	if want := (Fields{{Name: "A", Value: "5"}, {Name: "c", Value: "4"}, {Name: "d", Value: "6"}}); !slices.Equal(f, want) {
		t.Errorf("%v", f)
	}
	h := Fields{{Name: "x-a", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "x-b", Value: ""}}.Header()
	if len(h) != 2 || !slices.Equal(h["X-A"], []string{"1", "2"}) || !slices.Equal(h["X-B"], []string{""}) {
		t.Errorf("%q", h)
	}
	if back := Fields(nil).Flat(h); !slices.Contains(back, NewField("X-A", "2")) || len(back) != 3 {
		t.Errorf("%v", back)
	}
}

// readRightly holds that what is kept of fields that were read is what a second look would find.
func readRightly(t *testing.T, fields Fields) {
	t.Helper()
	for i := range fields {
		f := &fields[i]
		if f.known == unread || f.Known() != Know(f.Name) {
			t.Fatalf("%q is kept as %d", f.Name, f.known)
		}
		if got, want := string(f.append(nil)), string(appendField(nil, f.Name, f.Value)); got != want {
			t.Fatalf("%q is written, not %q", got, want)
		}
	}
}

func TestAFieldIsKnownWhoeverMadeIt(t *testing.T) {
	for name, known := range map[string]Known{"COOKIE": Cookie, "x-Request-id": XRequestID, "X-Other": Other, "te": TE, "": Other, "a b": Other} {
		byHand, made := Field{Name: name, Value: "1"}, NewField(name, "1")
		if byHand.Known() != known || made.Known() != known {
			t.Errorf("%q is known as %d by hand, as %d made", name, byHand.Known(), made.Known())
		}
	}
	var h Head
	if _, err := h.parse("GET / HTTP/1.1\r\nhost: a\r\nCookie: b=c\r\nx-a:\t d\xff \r\nX-Request-ID:\r\n\r\n", 9); err != nil || len(h.Fields) != 3 {
		t.Fatalf("%v, %v", h.Fields, err)
	}
	readRightly(t, h.Fields)
}

func TestAFieldTakesAnotherValue(t *testing.T) {
	for _, f := range []Field{{Name: "Cookie"}, {Name: "Cookie", Value: "a\n"}, NewField("Cookie", "a"), NewField("Cookie", "a\n")} {
		for value, want := range map[string]bool{"": true, "b=c \t\xff": true, "b\r": false, "12345678\n": false, "\x7f": false} {
			got, ok := f.With(value)
			if ok != want || got.Name != "Cookie" || got.Value != value {
				t.Errorf("%v with %q: %v, %v", f, value, got, ok)
			}
			if ok {
				readRightly(t, Fields{got})
			} else if b := got.append(nil); strings.ContainsAny(string(b[:len(b)-2]), "\r\n\x7f") {
				t.Errorf("%v is written as %q", got, b)
			}
		}
	}
	if _, ok := (Field{Name: "a b"}).With("c"); ok {
		t.Error("a field without a name has a value")
	}
}

func TestAFieldThatIsNoneIsNotWritten(t *testing.T) {
	for _, name := range []string{"", "a b", "a:b", "a\r\nb", "\xff"} {
		byHand, made := Field{Name: name, Value: "1"}, NewField(name, "1")
		if b := append(byHand.append(nil), made.append(nil)...); len(b) > 0 {
			t.Errorf("%q", b)
		}
	}
	for _, value := range []string{"1\r\nX-Forged: 1", "1\n", "\x00", "1\r"} {
		byHand, made := Field{Name: "A", Value: value}, NewField("A", value)
		for _, b := range [][]byte{byHand.append(nil), made.append(nil)} {
			if line, end := string(b[:len(b)-2]), string(b[len(b)-2:]); strings.ContainsAny(line, "\r\n\x00") || end != "\r\n" {
				t.Errorf("%q is written as %q", value, b)
			}
		}
	}
}

func BenchmarkKnow(b *testing.B) {
	names := []string{"Accept", "User-Agent", "Cookie", "Content-Type", "Content-Length", "Connection", "X-Request-Id", "Server", "Date"}
	for b.Loop() {
		for _, name := range names {
			Know(name)
		}
	}
}
