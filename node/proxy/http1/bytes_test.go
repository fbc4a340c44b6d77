package http1

import (
	"strings"
	"testing"
)

func TestAValueIsLookedAtWhole(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for c := range 256 {
				for _, around := range []string{"a", " ", "\xff", "~", "\t"} {
					s := strings.Repeat(around, at) + string([]byte{byte(c)}) + strings.Repeat(around, length-at-1)
					if want := all(s, inValue); isValue(s) != want {
						t.Fatalf("%q: %v", s, !want)
					}
				}
			}
		}
	}
}

func FuzzAValueIsLookedAtWhole(f *testing.F) {
	for _, seed := range []string{"", "text/html", "a\tb\x80c\x7f", "1234567\n", "12345678\r", "\x1f\x20\x21\x7e\x7f\x80\xff\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isValue(s) != all(s, inValue) {
			t.Errorf("%q: %v", s, isValue(s))
		}
	})
}

func BenchmarkIsValue(b *testing.B) {
	value := strings.Repeat("eyJhbGciOiJFUzI1", 40)
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if !isValue(value) {
			b.Fatal(value)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	value := strings.Repeat("eyJhbGciOiJFUzI1", 40)
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if !all(value, inValue) {
			b.Fatal(value)
		}
	}
}
