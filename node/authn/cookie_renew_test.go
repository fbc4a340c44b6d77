package authn

import (
	"strings"
	"testing"

	"picket/broker"
)

func TestACookieOfAnOlderSecretIsKnownAsSuch(t *testing.T) {
	first, second := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	of := func(secrets ...[]byte) *cookies {
		keys, err := broker.NewKeyring(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return newCookies(keys, authHost)
	}
	cookie := of(first).make(wikiHost, newID())
	for what, c := range map[string]struct {
		now           *cookies
		opens, needed bool
	}{
		"the same secret":   {of(first), true, false},
		"one behind it":     {of(first, second), true, false},
		"one before it":     {of(second, first), true, true},
		"the other instead": {of(second), false, false},
	} {
		_, opens := c.now.open(wikiHost, cookie)
		if opens != c.opens || opens && c.now.current(wikiHost, cookie) == c.needed {
			t.Errorf("%s: opens %t, current %t", what, opens, c.now.current(wikiHost, cookie))
		}
	}
}
