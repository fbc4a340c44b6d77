package authn

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

func TestCallbacksThatAreWrongAreMalformed(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	good := b.toCallback(wikiHost, "wiki", "/")
	code, err := seal(w.seals.code, handOver{})
	if err != nil {
		t.Fatal(err)
	}
	altered := []byte(good.Get("state"))
	altered[len(altered)-5] ^= 1
	change := func(name string, values ...string) url.Values {
		q := url.Values{}
		for k, v := range good {
			q[k] = v
		}
		if q[name] = values; len(values) == 0 {
			delete(q, name)
		}
		return q
	}
	for what, q := range map[string]url.Values{
		"nothing": {}, "nil": nil, "no state": change("state"), "no code": change("code"), "empty state": change("state", ""),
		"empty code": change("code", ""), "two states": change("state", good.Get("state"), good.Get("state")),
		"two codes": change("code", good.Get("code"), "x"), "code and error": change("error", "access_denied"),
		"altered state": change("state", string(altered)), "foreign state": change("state", "AAAA"), "state of another purpose": change("state", code),
		"huge code": change("code", strings.Repeat("a", maxCode+1)), "control byte": change("code", "a\nb"), "NUL": change("code", "\x00"),
		"two issuers": change("iss", w.idp.server.URL, w.idp.server.URL), "another issuer": change("iss", "https://evil.example"),
		"empty issuer": change("iss", ""), "an error of no length": {"state": good["state"], "error": {""}},
	} {
		if _, err := b.callback(q); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want malformed", what, err)
		}
	}
	if most, _ := w.idp.mostRedemptions(); most > 0 {
		t.Error("a code was redeemed")
	}
	if _, err := b.callback(good); err != nil {
		t.Errorf("the good one, after all these: %v", err)
	}
}

func TestAnAnswerOfAMixedUpProviderIsRefused(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() { w.idp.saysIssuer = true })
	fresh := w.node()
	w.Authn = fresh
	b := w.browser("alice")
	q := b.toCallback(wikiHost, "wiki", "/")
	said := q.Get("iss")
	q.Del("iss")
	if _, err := b.callback(q); !errors.Is(err, ErrMalformed) {
		t.Errorf("without the iss that the provider promises: %v", err)
	}
	q.Set("iss", "https://evil.example")
	if _, err := b.callback(q); !errors.Is(err, ErrMalformed) {
		t.Errorf("with another's iss: %v", err)
	}
	q.Set("iss", said)
	if _, err := b.callback(q); err != nil {
		t.Errorf("with its own: %v", err)
	}
}

func TestAStateIsSpentOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	q := b.toCallback(wikiHost, "wiki", "/x")
	if _, err := b.callback(q); err != nil {
		t.Fatal(err)
	}
	_, err := b.callback(q)
	if !errors.Is(err, ErrReplayed) || Again(err) != "https://wiki.example.com/x" {
		t.Errorf("got %v, again %q", err, Again(err))
	}
	if most, _ := w.idp.mostRedemptions(); most != 1 {
		t.Errorf("the code was redeemed %d times", most)
	}
}

func TestAStateIsOfTheBrowserThatBegan(t *testing.T) {
	w := newWorld(t)
	alice, mallory := w.browser("alice"), w.browser("mallory")
	q := alice.toCallback(wikiHost, "wiki", "/")
	if _, err := mallory.callback(q); !errors.Is(err, ErrOtherBrowser) {
		t.Errorf("without a binding: %v", err)
	}
	mallory.begin(authHost, "", "/.picket/")
	if _, err := mallory.callback(q); !errors.Is(err, ErrOtherBrowser) {
		t.Errorf("with another binding: %v", err)
	}
	if _, err := alice.callback(q); err != nil {
		t.Errorf("her own: %v", err)
	}
}

func TestAStateExpires(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	q := b.toCallback(wikiHost, "wiki", "/")
	w.clock.pass(signInLife + time.Second)
	if _, err := b.callback(q); !errors.Is(err, ErrExpired) {
		t.Errorf("got %v, want expired", err)
	}
}

func TestAProvidersRefusalIsTold(t *testing.T) {
	w := newWorld(t)
	for refusal, want := range map[string]error{
		"access_denied": ErrRefusedByProvider, "login_required": ErrRefusedByProvider, "server_error": ErrProvider,
		"temporarily_unavailable": ErrProvider,
	} {
		b := w.browser("alice")
		q := b.toCallback(wikiHost, "wiki", "/")
		q.Del("code")
		q.Set("error", refusal)
		if _, err := w.browser("mallory").callback(q); !errors.Is(err, ErrOtherBrowser) {
			t.Errorf("%s in another browser: %v", refusal, err)
		}
		if _, err := b.callback(q); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", refusal, err, want)
		}
	}
}

func TestAHandOverCodeIsSpentOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	code := b.toCode(wikiHost, "wiki", "/")
	if _, err := b.redeem(wikiHost, code); err != nil {
		t.Fatal(err)
	}
	if _, err := b.redeem(wikiHost, code); !errors.Is(err, ErrReplayed) {
		t.Errorf("got %v, want replayed", err)
	}
}

func TestAHandOverCodeIsOfOneHostAndBrowser(t *testing.T) {
	w := newWorld(t)
	alice, mallory := w.browser("alice"), w.browser("mallory")
	code := alice.toCode(wikiHost, "wiki", "/")
	if _, err := alice.redeem(gitHost, code); !errors.Is(err, ErrMalformed) {
		t.Errorf("at another host: %v", err)
	}
	mallory.begin(wikiHost, "wiki", "/")
	if _, err := mallory.redeem(wikiHost, code); !errors.Is(err, ErrOtherBrowser) {
		t.Errorf("in another browser: %v", err)
	}
	if _, err := alice.redeem(wikiHost, code); !errors.Is(err, ErrReplayed) {
		t.Errorf("after somebody else had it: %v", err)
	}
}

func TestAHandOverCodeExpires(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	code := b.toCode(wikiHost, "wiki", "/")
	w.clock.pass(handOverLife + time.Second)
	if _, err := b.redeem(wikiHost, code); !errors.Is(err, ErrExpired) {
		t.Errorf("got %v, want expired", err)
	}
	for what, code := range map[string]string{"nothing": "", "noise": "AAAA", "truncated": code[:len(code)-4], "a line break": code + "\n\n\n\n"} {
		if _, err := b.redeem(wikiHost, code); !errors.Is(err, ErrMalformed) && what != "a line break" {
			t.Errorf("%s: got %v, want malformed", what, err)
		}
	}
}

func TestAVictimIsNotSignedInAsTheAttacker(t *testing.T) {
	w := newWorld(t)
	mallory, alice := w.browser("bob"), w.browser("alice")
	code := mallory.toCode(wikiHost, "wiki", "/")
	alice.begin(wikiHost, "wiki", "/")
	if _, err := alice.redeem(wikiHost, code); !errors.Is(err, ErrOtherBrowser) {
		t.Errorf("got %v, want another browser", err)
	}
	alice.is(wikiHost, Absent)
}

func TestAStrictCookieIsSettledByAPage(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Session.SameSite = "strict" })
	b := w.browser("alice")
	step, err := b.redeem(wikiHost, b.toCode(wikiHost, "wiki", "/"))
	if err != nil || !step.Settle || step.Cookies[0].SameSite != "strict" || step.Cookies[0].Name != "__Host-picket" || !step.Cookies[0].Secure {
		t.Errorf("step is %+v, %v", step, err)
	}
}

func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		"", "state=a&code=b", "state=a&error=access_denied", "state=a&state=b&code=c", "state=&code=", "state=%00&code=%ff", "iss=a&iss=b",
		"state=a&code=b&iss=https%3A%2F%2Fidp.example", "code=b&error=c&state=d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := parseCallback(v)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		if len(v["state"]) != 1 || len(v["code"])+len(v["error"]) != 1 || len(v["iss"]) > 1 {
			t.Errorf("%q: took %+v", raw, q)
		}
		if strings.ContainsFunc(q.state+q.code+q.refusal+q.issuer, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: took strange characters", raw)
		}
	})
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "//evil.example", "/\\evil", "/a?b=c", "/\t/evil.example", "/%2f", "https://evil.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !localPath(s) {
			return
		}
		u, err := url.Parse(wikiHost.String() + s)
		if err != nil {
			return // net/url is stricter; a browser stays on the host in any case
		}
		if u.Scheme != "https" || u.Host != "wiki.example.com" || u.User != nil {
			t.Errorf("%q leads to %s", s, u)
		}
	})
}

func TestARefusalAtTheProviderWritesNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	q := b.toCallback(wikiHost, "wiki", "/")
	state := q.Get("state")
	s, err := w.openState(state, b.binding(authHost))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := b.callback(map[string][]string{"state": {state}, "error": {"access_denied"}}); !errors.Is(err, ErrRefusedByProvider) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := w.once.Get(w.ctx, "state-"+s.ID); err == nil {
		t.Error("the state was stored as used")
	}
}
