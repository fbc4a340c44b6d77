package authn

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/broker"
	"picket/node/config"
	"picket/policy"
)

func TestSignInEndsOnThePageFirstAskedFor(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	if end := b.visit(wikiHost, "wiki", "/a%20b?q=1&r=%2F"); end != "https://wiki.example.com/a%20b?q=1&r=%2F" {
		t.Errorf("ended at %s", end)
	}
	c, answer := b.who(wikiHost)
	if answer != Found {
		t.Fatalf("got %v, want found", answer)
	}
	var in policy.Input
	c.Fill(&in)
	if !in.Authenticated || in.User.Email != "alice@example.com" || !in.User.EmailVerified || in.User.Name != "Alice" {
		t.Errorf("user is %+v", in.User)
	}
	if !slices.Equal(in.User.Groups, []string{"admins", "staff"}) || in.User.Identity != "corp" {
		t.Errorf("groups are %v of %s", in.User.Groups, in.User.Identity)
	}
	if in.Session.ACR != "phr" || !slices.Equal(in.Session.AMR, []string{"pwd", "mfa"}) || c.Session.SID != "sid-alice" {
		t.Errorf("session is %+v", in.Session)
	}
}

func TestTheSecondHostNeedsNoProvider(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	step, err := b.signIn(b.begin(appHost, "apps", "/x"), "")
	if err != nil {
		t.Fatal(err)
	}
	step, err = b.redeem(appHost, query(t, step.Redirect).Get("code"))
	if err != nil || step.Redirect != "https://one.apps.example.com/x" {
		t.Fatalf("redirected to %s, %v", step.Redirect, err)
	}
	b.is(appHost, Found)
}

func TestSeveralTabsAllArrive(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	first, second := b.toCallback(wikiHost, "wiki", "/1"), b.toCallback(wikiHost, "wiki", "/2")
	third := b.toCallback(gitHost, "git", "/3")
	var ends []string
	for _, q := range []struct {
		at    config.Origin
		state map[string][]string
	}{{wikiHost, second}, {gitHost, third}, {wikiHost, first}} {
		step, err := b.callback(q.state)
		if err != nil {
			t.Fatal(err)
		}
		if step, err = b.redeem(q.at, query(t, step.Redirect).Get("code")); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, step.Redirect)
	}
	if want := []string{"https://wiki.example.com/2", "https://git.example.com:8443/3", "https://wiki.example.com/1"}; !slices.Equal(ends, want) {
		t.Errorf("ended at %v", ends)
	}
	b.is(wikiHost, Found)
}

func TestATabWhoseSessionWasReplacedBeginsAnewAndArrives(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	first, second := b.toCode(wikiHost, "wiki", "/1"), ""
	step, err := b.signIn(b.begin(gitHost, "git", "/2"), "")
	if err != nil {
		t.Fatal(err)
	}
	second = query(t, step.Redirect).Get("code")
	w.clock.pass(time.Second)
	if err := w.Revoke(w.ctx, sessionOf(t, w, b, authHost)); err != nil {
		t.Fatal(err)
	}
	for at, code := range map[config.Origin]string{wikiHost: first, gitHost: second} {
		step, err := b.redeem(at, code)
		if err != nil || !strings.HasPrefix(step.Redirect, "https://auth.example.com/.picket/sign_in?request=") {
			t.Errorf("at %s: redirected to %s, %v", at, step.Redirect, err)
		}
	}
}

func TestBindingIsSharedByTabs(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.begin(wikiHost, "wiki", "/1")
	first := b.binding(wikiHost)
	b.begin(wikiHost, "wiki", "/2")
	if first == "" || b.binding(wikiHost) != first {
		t.Errorf("binding was %q, is %q", first, b.binding(wikiHost))
	}
	b.cookies[wikiHost.String()+" "+BindingName(wikiHost)] = "planted"
	b.begin(wikiHost, "wiki", "/3")
	if b.binding(wikiHost) == "planted" {
		t.Error("a malformed binding was kept")
	}
}

func TestReturnAddressesThatLeaveTheOriginBecomeTheRoot(t *testing.T) {
	w := newWorld(t)
	for _, page := range []string{
		"", "x", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example/", "/a\r\nb", "/\x00", "/ x",
		"/a\tb", "/%2f/../\\x", "/é", "/a#b", "/" + strings.Repeat("a", 5000),
	} {
		b := w.browser("alice")
		if end := b.visit(wikiHost, "wiki", page); end != "https://wiki.example.com/" {
			t.Errorf("%.40q: ended at %s", page, end)
		}
	}
}

func TestBeginRefusesHostsOfNobody(t *testing.T) {
	w := newWorld(t)
	for _, o := range []config.Origin{
		{Scheme: "https", Host: "evil.example"}, {Scheme: "http", Host: "wiki.example.com"}, {Scheme: "https", Host: ".apps.example.com"},
		{Scheme: "https", Host: "wiki.example.com", Port: "444"}, {Scheme: "https", Host: "apps.example.com"}, {},
	} {
		if _, err := w.Begin(BeginRequest{Origin: o, ReturnTo: "/"}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want malformed", o, err)
		}
	}
}

func TestSealedRequestsAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	request := b.begin(wikiHost, "wiki", "/")
	code := b.toCode(wikiHost, "wiki", "/")
	altered := []byte(request)
	altered[len(altered)/2] ^= 1
	for what, sealed := range map[string]string{
		"nothing": "", "noise": "AAAA", "altered": string(altered), "truncated": request[:len(request)-4],
		"of another purpose": code, "huge": strings.Repeat("A", 100_000),
	} {
		if _, err := b.signIn(sealed, ""); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want malformed", what, err)
		}
	}
	w.clock.pass(signInLife + time.Second)
	_, err := b.signIn(request, "")
	if !errors.Is(err, ErrExpired) || Again(err) != "https://wiki.example.com/" {
		t.Errorf("old: got %v, again %q", err, Again(err))
	}
}

func TestARouteThatIsGoneIsNotSignedInFor(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	for what, e := range map[string]errand{
		"no such host":         {Origin: "https://evil.example", ReturnTo: "/"},
		"no such route":        {Origin: wikiHost.String(), ReturnTo: "/", Route: "old"},
		"a route elsewhere":    {Origin: wikiHost.String(), ReturnTo: "/", Route: "git"},
		"no origin":            {Origin: "wiki", ReturnTo: "/"},
		"an address that goes": {Origin: wikiHost.String(), ReturnTo: "//evil.example"},
	} {
		e.Issued = w.clock.Now().Unix()
		sealed, err := seal(w.seals.request, e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.signIn(sealed, ""); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want malformed", what, err)
		}
	}
}

func TestSeveralIdentitiesAreChosenFrom(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		partners := c.Identities[0]
		partners.Name, partners.ClientID = "partners", "picket-partners"
		c.Identities = append(c.Identities, partners)
		c.Routes[1].Identities = []string{"partners"}
	})
	b := w.browser("alice")
	request := b.begin(wikiHost, "wiki", "/")
	step, err := b.signIn(request, "")
	if err != nil || len(step.Choose) != 2 || step.Choose[1].Name != "partners" || step.Redirect != "" {
		t.Fatalf("step is %+v, %v", step, err)
	}
	chosen := query(t, step.Choose[0].URL)
	if step, err = b.signIn(chosen.Get("request"), chosen.Get("identity")); err != nil {
		t.Fatal(err)
	}
	if step, err = b.callback(b.atProvider(step.Redirect)); err != nil {
		t.Fatal(err)
	}
	if _, err = b.redeem(wikiHost, query(t, step.Redirect).Get("code")); err != nil {
		t.Fatal(err)
	}
	if _, answer := w.Identify(w.ctx, wikiHost, b.session(wikiHost), &w.config.Routes[1]); answer != Absent {
		t.Errorf("a route of partners: got %v, want absent", answer)
	}
	b.visit(gitHost, "git", "/") // goes to partners at once
	if c, _ := b.who(gitHost); c.Session == nil || c.Session.Identity != "partners" {
		t.Errorf("at git by %+v", c.Session)
	}
	b.is(wikiHost, Found) // the session of the other identity goes on
	if _, err := b.signIn(b.begin(gitHost, "git", "/"), "corp"); !errors.Is(err, ErrMalformed) {
		t.Errorf("an identity that the route does not take: got %v", err)
	}
	if _, err := b.signIn(request, "nobody"); !errors.Is(err, ErrMalformed) {
		t.Errorf("an identity that there is not: got %v", err)
	}
}

func TestEachAuthenticationMakesANewSessionAndEndsTheOld(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	q := b.toCallback(gitHost, "git", "/")
	b.visit(wikiHost, "wiki", "/")
	before, _ := b.who(wikiHost)
	if _, err := b.callback(q); err != nil {
		t.Fatal(err)
	}
	after, _ := b.who(authHost)
	if after.Session == nil || after.Session.ID == before.Session.ID || after.Session.Replaced != before.Session.ID {
		t.Errorf("before %+v, after %+v", before.Session, after.Session)
	}
	w.until("the old session is absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
}

func TestInactiveUsersDoNotSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	deactivate(t, w, c.User.ID)
	w.until("the session is absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
	if _, err := b.callback(b.toCallback(wikiHost, "wiki", "/")); !errors.Is(err, ErrInactive) {
		t.Errorf("got %v, want inactive", err)
	}
	b.is(wikiHost, Absent)
}

func TestAnUnavailableStoreIsNotNobody(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	code := b.codeAtOnce(gitHost, "git", "/")
	request := b.begin(wikiHost, "wiki", "/")
	other := w.browser("bob")
	q := other.toCallback(wikiHost, "wiki", "/")
	forgotten := w.cookies.make(wikiHost, newID())
	if err := w.broker.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	w.ctx = ctx
	if _, answer := w.Identify(ctx, wikiHost, forgotten, nil); answer != Unknown {
		t.Errorf("a session not in memory: got %v, want unknown", answer)
	}
	if _, answer := w.Identify(ctx, wikiHost, "", nil); answer != Absent {
		t.Errorf("no cookie: got %v, want absent", answer)
	}
	_, callback := other.callback(q)
	_, redeem := b.redeem(gitHost, code)
	_, signOut := w.SignOut(ctx, SignOutRequest{Origin: wikiHost, Cookie: b.session(wikiHost)})
	_, signIn := w.SignIn(ctx, SignInRequest{Sealed: request, Cookie: w.cookies.make(authHost, newID())})
	_, list := w.Sessions(ctx, "")
	_, revoke := w.RevokeUser(ctx, "alice@example.com")
	for what, err := range map[string]error{
		"callback": callback, "redeem": redeem, "sign-out": signOut, "sign-in": signIn, "list": list, "revoke": revoke,
	} {
		if !errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("%s: got %v, want unavailable", what, err)
		}
	}
	if b.session(wikiHost) == "" {
		t.Error("the cookie was cleared")
	}
}

// codeAtOnce has a code from the session that there is.
func (b *browser) codeAtOnce(o config.Origin, route, page string) string {
	b.w.t.Helper()
	step, err := b.signIn(b.begin(o, route, page), "")
	if err != nil {
		b.w.t.Fatal(err)
	}
	return query(b.w.t, step.Redirect).Get("code")
}

func sessionOf(t *testing.T, w *world, b *browser, o config.Origin) string {
	t.Helper()
	id, ok := w.cookies.open(o, b.session(o))
	if !ok {
		t.Fatalf("no session cookie at %s", o)
	}
	return id
}

func deactivate(t *testing.T, w *world, user string) {
	t.Helper()
	e, err := w.users.Get(w.ctx, user)
	if err != nil {
		t.Fatal(err)
	}
	e.Value.Active = false
	if _, err := w.users.Update(w.ctx, user, e.Value, e.Revision, 0); err != nil {
		t.Fatal(err)
	}
}
