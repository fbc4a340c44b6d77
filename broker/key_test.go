package broker

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeysOfTexts(t *testing.T) {
	for text, key := range map[string]string{
		"alice":             "alice",
		"alice@example.com": "alice=40example.com",
		"a=b":               "a=3Db",
		"team/wiki":         "team/wiki",
		".a..b.":            "=2Ea.=2Eb=2E",
		".":                 "=2E",
		"ä *>":              "=C3=A4=20=2A=3E",
	} {
		if got := EncodeKey(text); got != key {
			t.Errorf("the key of %q is %q, want %q", text, got, key)
		}
		if back, ok := DecodeKey(key); !ok || back != text {
			t.Errorf("the text of %q is %q, %t, want %q", key, back, ok, text)
		}
	}
}

func TestAKeyThatNoTextHas(t *testing.T) {
	for _, key := range []string{"", "=", "=4", "=4g", "=61", "=3d", "a@b", "=heartbeat.6e31", "a..b", "=FF", strings.Repeat("a", longestKey+1)} {
		if text, ok := DecodeKey(key); ok {
			t.Errorf("%q is of %q", key, text)
		}
	}
}

func FuzzKeys(f *testing.F) {
	for _, text := range []string{"alice@example.com", "..", "=", "a/b", "ä", "=40"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if back, ok := DecodeKey(text); ok && EncodeKey(back) != text {
			t.Errorf("%q is of %q, whose key is %q", text, back, EncodeKey(back))
		}
		if text == "" || len(text) > 128 || !utf8.ValidString(text) {
			return
		}
		key := EncodeKey(text)
		if back, ok := DecodeKey(key); !ok || back != text {
			t.Errorf("%q has key %q, which is of %q, %t", text, key, back, ok)
		}
	})
}
