package console

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

// What the program of the tests asks with.
const (
	listensAt = "http://127.0.0.1:40123/"
	verifier  = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	state     = "a-state-of-its-own"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// asked is the page on which a person is asked about a program that wants to go to a host.
func (b *browser) asked(host string) page {
	b.w.t.Helper()
	q := url.Values{"return": {listensAt}, "challenge": {challenge()}, "state": {state}}
	return b.follow(b.get(b.w.origin(host).String()+"/.picket/program?"+q.Encode()), "")
}

// allows presses a button of that page.
func (b *browser) allows(p page, fields ...string) page {
	b.w.t.Helper()
	_, rest, ok := strings.Cut(p.body, `name="request" value="`)
	if !ok {
		b.w.t.Fatalf("want to be asked, got %d at %s:\n%s", p.status, p.url, p.body)
	}
	request, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"request": {request}, "identity": {"corp"}}
	return b.send(http.MethodPost, p.url.Scheme+"://"+p.url.Host+"/.picket/program", form, fields...)
}

// handed is the code that the program gets when a person allows it and signs in, and the state beside it.
func (b *browser) handed(host string) (code, state string) {
	b.w.t.Helper()
	p := b.follow(b.allows(b.asked(host), "Sec-Fetch-Site", "same-origin"), listensAt)
	if strings.Contains(p.body, `name="person"`) {
		p = b.follow(b.pick(p, "person", "alice"), listensAt)
	}
	u, err := url.Parse(p.next())
	if err != nil || !strings.HasPrefix(p.next(), listensAt) {
		b.w.t.Fatalf("%d at %s leads to %q", p.status, p.url, p.next())
	}
	return u.Query().Get("code"), u.Query().Get("state")
}

// redeems is what the program does with the code.
func (b *browser) redeems(host, code, verifier string) page {
	b.w.t.Helper()
	form := url.Values{"code": {code}, "verifier": {verifier}}
	return b.send(http.MethodPost, b.w.origin(host).String()+"/.picket/program/token", form, "Accept", "application/json")
}

// token is the bearer in an answer.
func token(t *testing.T, p page) string {
	t.Helper()
	var made struct{ Token, Session string }
	if err := json.Unmarshal([]byte(p.body), &made); err != nil || p.status != http.StatusOK || made.Session == "" {
		t.Fatalf("got %d, want a bearer:\n%s", p.status, p.body)
	}
	return made.Token
}

func TestAProgramGetsABearerOfItsOwn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	code, got := b.handed("wiki")
	if got != state {
		t.Errorf("the program's state came back as %q", got)
	}
	bearer := "Bearer " + token(t, w.browser().redeems("wiki", code, verifier))
	user := w.origin("wiki").String() + "/.picket/user"
	if p := w.browser().get(user, "Authorization", bearer); !strings.Contains(p.body, "alice@example.com") {
		t.Errorf("the program is %d: %s", p.status, p.body)
	}
	if p := w.browser().get(w.origin("red.teams").String()+"/.picket/user", "Authorization", bearer); p.status != http.StatusUnauthorized {
		t.Errorf("on another host the program is %d: %s", p.status, p.body)
	}
	sessions, err := w.authn.Sessions(t.Context(), "alice@example.com")
	if err != nil || len(sessions) != 2 || sessions[0].Program || !sessions[1].Program {
		t.Fatalf("sessions are %+v: %v", sessions, err)
	}
	if err := w.authn.Revoke(t.Context(), sessions[1].ID); err != nil {
		t.Fatal(err)
	}
	w.until("the program is nobody", func() bool {
		return w.browser().get(user, "Authorization", bearer).status == http.StatusUnauthorized
	})
	if !b.signedIn("wiki") {
		t.Error("the browser was signed out with the program")
	}
	if p := b.get(user, "Authorization", bearer); p.status != http.StatusUnauthorized {
		t.Errorf("a bearer that is void gave way to the cookie: %d", p.status)
	}
}

func TestAProgramsCodeIsGoodOnceAndForTheProgramThatBegan(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	code, _ := b.handed("wiki")
	token(t, b.redeems("wiki", code, verifier))
	for name, c := range map[string]struct{ host, code, verifier string }{
		"once more":              {"wiki", code, verifier},
		"another verifier":       {"wiki", first(b.handed("wiki")), strings.Repeat("x", 43)},
		"no verifier":            {"wiki", first(b.handed("wiki")), ""},
		"the challenge as such":  {"wiki", first(b.handed("wiki")), challenge()},
		"another host":           {"red.teams", first(b.handed("wiki")), verifier},
		"no code":                {"wiki", "", verifier},
		"a code that is altered": {"wiki", first(b.handed("wiki")) + "A", verifier},
	} {
		if p := b.redeems(c.host, c.code, c.verifier); p.status != http.StatusBadRequest || strings.Contains(p.body, "picket.1.") {
			t.Errorf("%s: %d\n%s", name, p.status, p.body)
		}
	}
	code, _ = b.handed("wiki")
	if p := b.redeems("wiki", code, strings.Repeat("x", 43)); p.status != http.StatusBadRequest {
		t.Fatalf("%d", p.status)
	}
	if p := b.redeems("wiki", code, verifier); p.status != http.StatusBadRequest {
		t.Errorf("a code serves after it was tried with another verifier: %d", p.status)
	}
	if p := b.get(w.origin("wiki").String() + "/.picket/callback?code=" + first(b.handed("wiki"))); p.status != http.StatusBadRequest {
		t.Errorf("a program's code serves a browser: %d", p.status)
	}
}

func first(code, _ string) string { return code }

func TestNoPageLetsAProgramActForAPerson(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	p := b.asked("wiki")
	for _, fields := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", w.origin("wiki").String()}, {"Origin", "null"}} {
		if got := b.allows(p, fields...); got.status != http.StatusForbidden || got.next() != "" {
			t.Errorf("%v: %d, leads to %q", fields, got.status, got.next())
		}
	}
	_, rest, _ := strings.Cut(p.body, `name="request" value="`)
	request, _, _ := strings.Cut(rest, `"`)
	for _, address := range []string{ // the sealed request passes for no other
		w.origin("auth").String() + "/.picket/sign_in?request=" + request,
		w.origin("auth").String() + "/.picket/callback?code=" + request,
		w.origin("auth").String() + "/.picket/callback?state=" + request + "&code=x",
	} {
		if got := b.get(address); got.status != http.StatusBadRequest || got.next() != "" {
			t.Errorf("%s: %d, leads to %q", address[:60], got.status, got.next())
		}
	}
	if got := b.get(p.url.String() + "&identity=corp"); got.status != http.StatusOK || got.next() != "" {
		t.Errorf("a GET is enough: %d, leads to %q", got.status, got.next())
	}
	if got := b.send(http.MethodPost, w.origin("wiki").String()+"/.picket/program", url.Values{"request": {request}, "identity": {"corp"}}); got.status != http.StatusBadRequest {
		t.Errorf("the host of an application takes the answer: %d", got.status)
	}
}

func TestAProgramsSignInIsFinishedSoonOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	code, _ := b.handed("wiki")
	question := b.asked("wiki")
	w.ahead.Store(int64(2 * time.Minute))
	if p := b.redeems("wiki", code, verifier); p.status != http.StatusBadRequest || !strings.Contains(p.body, "sign_in_expired") {
		t.Errorf("an old code: %d\n%s", p.status, p.body)
	}
	w.ahead.Store(int64(16 * time.Minute))
	if p := b.allows(question); p.status != http.StatusBadRequest || p.next() != "" {
		t.Errorf("an old question: %d, leads to %q", p.status, p.next())
	}
}

func TestAPersonMaySayNo(t *testing.T) {
	b := newWorld(t).browser()
	p := b.asked("wiki")
	if p.status != http.StatusOK || !strings.Contains(p.body, "127.0.0.1:40123") || !strings.Contains(p.body, b.w.origin("wiki").String()) {
		t.Errorf("the page does not say who asks for what: %d\n%s", p.status, p.body)
	}
	if want := `href="` + listensAt + `?error=access_denied&amp;state=` + state + `"`; !strings.Contains(p.body, want) {
		t.Errorf("want %s in\n%s", want, p.body)
	}
}

func TestAProgramListensOnThisComputerAlone(t *testing.T) {
	b := newWorld(t).browser()
	good := func() url.Values {
		return url.Values{"return": {listensAt}, "challenge": {challenge()}, "state": {state}}
	}
	for _, at := range []string{"http://127.0.0.1:1/", "http://[::1]:65535/"} {
		q := good()
		q.Set("return", at)
		if p := b.get(b.w.origin("wiki").String() + "/.picket/program?" + q.Encode()); p.status != http.StatusSeeOther {
			t.Errorf("%s: %d", at, p.status)
		}
	}
	wrong := map[string][]string{
		"return": {
			"", "http://127.0.0.1/", "http://127.0.0.1:40123", "http://127.0.0.1:40123/x", "http://127.0.0.1:40123/?x", "https://127.0.0.1:40123/",
			"http://localhost:40123/", "http://127.0.0.1.evil.example:40123/", "http://127.0.0.2:40123/", "http://127.0.0.1:40123@evil.example/",
			"http://evil.example:40123/", "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://127.0.0.1:040123/", "http://127.0.0.1:40123/\n",
			"//127.0.0.1:40123/", "http:\\\\127.0.0.1:40123/", "http://[::1%25lo]:40123/", "http://[::ffff:127.0.0.1]:40123/", "http://user@127.0.0.1:40123/",
		},
		"challenge": {"", "x", challenge()[:42], challenge() + "A", strings.Repeat("=", 43)},
		"state":     {"", "short", strings.Repeat("x", 129), "with spaces in it it is", "<script>alert(1)</script>"},
	}
	for name, values := range wrong {
		for _, value := range values {
			q := good()
			q.Set(name, value)
			if p := b.get(b.w.origin("wiki").String() + "/.picket/program?" + q.Encode()); p.status != http.StatusBadRequest || p.next() != "" {
				t.Errorf("%s=%q: %d, leads to %q", name, value, p.status, p.next())
			}
		}
		q := good()
		q.Add(name, q.Get(name))
		if p := b.get(b.w.origin("wiki").String() + "/.picket/program?" + q.Encode()); p.status != http.StatusBadRequest {
			t.Errorf("%s twice: %d", name, p.status)
		}
	}
	if p := b.get(b.w.origin("auth").String() + "/.picket/program?" + good().Encode()); p.status != http.StatusBadRequest {
		t.Errorf("for the sign-in host itself: %d", p.status)
	}
}

func TestAPersonChoosesWhoVouchesForAProgram(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		partners := c.Identities[0]
		partners.Name = "partners"
		c.Identities = append(c.Identities, partners)
		c.Routes[0].Identities = []string{"corp", "partners"}
	})
	b := w.browser()
	p := b.asked("wiki")
	if !strings.Contains(p.body, "Allow, by corp") || !strings.Contains(p.body, "Allow, by partners") {
		t.Errorf("want both:\n%s", p.body)
	}
	if p := b.allows(p); p.status != http.StatusOK || !strings.HasPrefix(p.next(), w.provider.URL) {
		t.Errorf("%d, leads to %q", p.status, p.next())
	}
}
