package policy

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// readsAsJSON holds that a text which is written reads as encoding/json writes and reads it.
func readsAsJSON(t *testing.T, value string) {
	t.Helper()
	standard, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var got, want string
	written := AppendText(nil, value)
	if err := json.Unmarshal(written, &got); err != nil {
		t.Fatalf("%q is written %s: %v", value, written, err)
	}
	if err := json.Unmarshal(standard, &want); err != nil {
		t.Fatal(err)
	}
	if got != want || !utf8.Valid(written) {
		t.Fatalf("%q is written %s, which reads %q, want %q", value, written, got, want)
	}
}

func TestTextsOfEveryCharacterReadAsThoseOfEncodingJSON(t *testing.T) {
	for r := range rune(utf8.MaxRune + 1) {
		if !utf8.ValidRune(r) { // half of a surrogate pair, in three bytes that are no UTF-8
			readsAsJSON(t, string([]byte{0xe0 | byte(r>>12), 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f}))
			continue
		}
		if r < 0x3000 || r%97 == 0 || r&0xfffe == 0xfffe {
			readsAsJSON(t, string(r))
			readsAsJSON(t, "before.."+string(r)+"behind")
		}
	}
	for first := range 256 {
		for second := range 256 {
			readsAsJSON(t, string([]byte{byte(first), byte(second)}))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		odd := make([]byte, random.IntN(40))
		for i := range odd {
			odd[i] = byte(random.Uint32()) | byte(random.IntN(2))<<7
		}
		readsAsJSON(t, string(odd))
	}
}
