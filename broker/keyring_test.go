package broker

import (
	"bytes"
	"errors"
	"testing"
)

var olderSecret = []byte("ffffffffffffffffffffffffffffffff")

func keyring(t testing.TB, secrets ...[]byte) *Keyring {
	t.Helper()
	k, err := NewKeyring(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestASecretThatIsShortOrMissingIsRefused(t *testing.T) {
	if _, err := NewKeyring(nil); err == nil {
		t.Error("no secret was taken")
	}
	if _, err := NewKeyring([][]byte{testSecret, testSecret[:31]}); err == nil {
		t.Error("a short secret was taken")
	}
}

func TestASealedValueOpensOnlyInItsPlace(t *testing.T) {
	k := keyring(t, testSecret)
	sealed := k.Sealer("record tokens").Seal([]byte("refresh"), "tokens", "a")
	if plain, err := k.Sealer("record tokens").Open(sealed, "tokens", "a"); err != nil || string(plain) != "refresh" {
		t.Fatalf("%q, %v", plain, err)
	}
	elsewhere := map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return k.Sealer("record tokens").Open(sealed, "tokens", "b") },
		"another bucket":  func() ([]byte, error) { return k.Sealer("record tokens").Open(sealed, "keys", "a") },
		"another split":   func() ([]byte, error) { return k.Sealer("record tokens").Open(sealed, "tokensa", "") },
		"another purpose": func() ([]byte, error) { return k.Sealer("record keys").Open(sealed, "tokens", "a") },
		"another secret": func() ([]byte, error) {
			return keyring(t, olderSecret).Sealer("record tokens").Open(sealed, "tokens", "a")
		},
		"a newer version": func() ([]byte, error) {
			return k.Sealer("record tokens").Open(append([]byte{2}, sealed[1:]...), "tokens", "a")
		},
		"cut short":       func() ([]byte, error) { return k.Sealer("record tokens").Open(sealed[:20], "tokens", "a") },
		"nothing":         func() ([]byte, error) { return k.Sealer("record tokens").Open(nil, "tokens", "a") },
		"one bit altered": func() ([]byte, error) { return k.Sealer("record tokens").Open(flip(sealed), "tokens", "a") },
	}
	for where, open := range elsewhere {
		if _, err := open(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", where, err)
		}
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

func TestASecretIsRotatedByPrependingANewOne(t *testing.T) {
	before, after := keyring(t, olderSecret), keyring(t, testSecret, olderSecret)
	sealed := before.Sealer("x").Seal([]byte("kept"))
	if _, err := after.Sealer("x").Open(sealed); err != nil {
		t.Errorf("sealed before: %v", err)
	}
	if _, err := before.Sealer("x").Open(after.Sealer("x").Seal([]byte("new"))); err == nil {
		t.Error("the old secret still makes")
	}
	tag := before.Tagger("cookie").Append(nil, []byte("id"))
	if !after.Tagger("cookie").Verify([]byte("id"), tag) {
		t.Error("a tag made before is refused")
	}
}

func TestATagIsOfItsMessageAndPurpose(t *testing.T) {
	k := keyring(t, testSecret)
	tag := k.Tagger("cookie").Append(nil, []byte("id"))
	if !k.Tagger("cookie").Verify([]byte("id"), tag) {
		t.Error("its own tag is refused")
	}
	if k.Tagger("cookie").Verify([]byte("other"), tag) || k.Tagger("code").Verify([]byte("id"), tag) || k.Tagger("cookie").Verify([]byte("id"), tag[:16]) || k.Tagger("cookie").Verify([]byte("id"), nil) {
		t.Error("a tag is taken for what it was not made for")
	}
}

func BenchmarkVerify(b *testing.B) {
	tagger := keyring(b, testSecret).Tagger("cookie")
	msg := []byte("session id and host")
	tag := tagger.Append(nil, msg)
	b.ReportAllocs()
	for b.Loop() {
		tagger.Verify(msg, tag)
	}
}

func FuzzOpen(f *testing.F) {
	sealer := keyring(f, testSecret).Sealer("x")
	f.Add(sealer.Seal([]byte("plain"), "a"))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := sealer.Open(sealed, "b") // nothing is ever sealed for b
		if err == nil {
			t.Fatalf("opened %x as %q", sealed, plain)
		}
	})
}

func TestAPeriodHasKeysOfItsOwnOnEveryNode(t *testing.T) {
	one, two := keyring(t, testSecret, olderSecret), keyring(t, olderSecret, testSecret)
	keys := one.Period("tickets", 7)
	if got := two.Period("tickets", 7); len(keys) != 2 || keys[0] != got[1] || keys[1] != got[0] {
		t.Error("another node has other keys")
	}
	for name, other := range map[string][][32]byte{"period": one.Period("tickets", 8), "purpose": one.Period("others", 7)} {
		if other[0] == keys[0] {
			t.Errorf("another %s has the same key", name)
		}
	}
}
