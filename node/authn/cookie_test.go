package authn

import (
	"encoding/base64"
	"strings"
	"testing"

	"picket/broker"
	"picket/node/config"
)

func testCookies(t testing.TB) *cookies {
	t.Helper()
	keys, err := broker.NewKeyring([][]byte{[]byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	return newCookies(keys, authHost)
}

func TestACookieIsGoodForItsOriginAlone(t *testing.T) {
	c, id := testCookies(t), newID()
	cookie := c.make(wikiHost, id)
	if got, ok := c.open(wikiHost, cookie); !ok || got != id {
		t.Fatalf("got %q, %v", got, ok)
	}
	for _, o := range []config.Origin{
		authHost, gitHost, appHost, {Scheme: "http", Host: "wiki.example.com"}, {Scheme: "https", Host: "wiki.example.com", Port: "8443"},
		{Scheme: "https", Host: "wiki.example.co"}, {Scheme: "https", Host: "x.wiki.example.com"}, {},
	} {
		if _, ok := c.open(o, cookie); ok {
			t.Errorf("opened at %s", o)
		}
	}
	if _, ok := c.open(wikiHost, c.make(authHost, id)); ok {
		t.Error("the sign-on cookie opened at a route host")
	}
}

func TestTheSignOnCookieIsOfItsOwnRole(t *testing.T) {
	c, id := testCookies(t), newID()
	asRoute := &cookies{tagger: c.tagger, sso: config.Origin{Scheme: "https", Host: "elsewhere.example"}}
	asRoute.scratch.New = c.scratch.New
	if _, ok := c.open(authHost, asRoute.make(authHost, id)); ok {
		t.Error("a route cookie opened as the sign-on cookie of the same host")
	}
}

func TestOtherCookiesDoNotOpen(t *testing.T) {
	c, id := testCookies(t), newID()
	good := c.make(wikiHost, id)
	last := good[len(good)-1]
	stray := string(base64url[strings.IndexByte(base64url, last)|1])
	for what, cookie := range map[string]string{
		"nothing": "", "version": "2" + good[1:], "truncated": good[:len(good)-1], "longer": good + "A", "padded": good[:len(good)-1] + "=",
		"stray bits": good[:len(good)-1] + stray, "line break": good[:10] + "\n" + good[11:], "no dot": strings.Replace(good, ".", "_", 2),
		"other session": c.make(wikiHost, newID())[:2+idLength] + good[2+idLength:], "no tag": "1." + id + "." + strings.Repeat("A", tagText),
		"blank": strings.Repeat(" ", cookieLength), "standard alphabet": strings.Map(func(r rune) rune {
			if r == '_' || r == '-' {
				return '/'
			}
			return r
		}, good[:30]) + "+" + good[31:],
	} {
		if _, ok := c.open(wikiHost, cookie); ok && cookie != good {
			t.Errorf("%s: %q opened", what, cookie)
		}
	}
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestEveryAlteredByteShutsACookie(t *testing.T) {
	c := testCookies(t)
	good := c.make(wikiHost, newID())
	for i := range good {
		for _, by := range []byte{1, 2, 0x20, 0x80} {
			altered := []byte(good)
			altered[i] ^= by
			if _, ok := c.open(wikiHost, string(altered)); ok {
				t.Errorf("opened with byte %d altered", i)
			}
		}
	}
}

func TestACookieOpensAfterTheSecretIsRotated(t *testing.T) {
	was, is := []byte(strings.Repeat("s", 32)), []byte(strings.Repeat("t", 32))
	rotated, err := broker.NewKeyring([][]byte{is, was})
	if err != nil {
		t.Fatal(err)
	}
	cookie := testCookies(t).make(wikiHost, newID())
	if _, ok := newCookies(rotated, authHost).open(wikiHost, cookie); !ok {
		t.Error("did not open with the second secret")
	}
}

func FuzzParseCookie(f *testing.F) {
	c := testCookies(f)
	good := c.make(wikiHost, "AAECAwQFBgcICQoLDA0ODw") // the same in every process that fuzzes
	for _, seed := range []string{"", "1..", good, good[:len(good)-1], "2" + good[1:], strings.Repeat("A", cookieLength)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		session, tag, ok := parseCookie(cookie)
		if !ok {
			return
		}
		if again := "1." + session + "." + base64.RawURLEncoding.EncodeToString(tag[:]); again != cookie {
			t.Errorf("%q is another text of %q", cookie, again)
		}
		if _, err := strict.DecodeString(session); err != nil {
			t.Errorf("session %q: %v", session, err)
		}
		if _, ok := c.open(wikiHost, cookie); ok && cookie != good {
			t.Errorf("%q opened", cookie)
		}
	})
}
