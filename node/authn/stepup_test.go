package authn

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"picket/policy"
)

// stepUp is a browser that visits a page whose policy requires more, as far as the authenticate host sends it on.
func (b *browser) stepUp(need *policy.Requirement) (Step, error) {
	b.w.t.Helper()
	step, err := b.w.Begin(BeginRequest{Origin: wikiHost, ReturnTo: "/secret", Route: "wiki", Binding: b.binding(wikiHost), Need: need})
	if err != nil {
		b.w.t.Fatalf("beginning: %v", err)
	}
	b.take(wikiHost, step.Cookies)
	return b.signIn(query(b.w.t, step.Redirect).Get("request"), "")
}

// shows is what the provider says of the next sign-ins.
func (p *idp) shows(acr string, amr []string, ago time.Duration) {
	p.set(func() {
		p.claims = func(c map[string]any) {
			c["acr"], c["amr"], c["auth_time"] = acr, amr, p.now().Add(-ago).Unix()
		}
	})
}

func TestASessionThatShowsEnoughIsHandedOver(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice") // phr, pwd and mfa, a minute ago
	b.visit(wikiHost, "wiki", "/")
	for _, need := range []*policy.Requirement{
		{ACR: []string{"phrh", "phr"}}, {AMR: []string{"mfa"}}, {MaxAge: time.Hour}, {MaxAge: 2 * time.Minute, ACR: []string{"phr"}, AMR: []string{"mfa", "pwd"}},
	} {
		step, err := b.stepUp(need)
		if err != nil || !strings.HasPrefix(step.Redirect, "https://wiki.example.com/.picket/callback?code=") {
			t.Errorf("with %s required: %s, %v", need, step.Redirect, err)
		}
	}
}

func TestTheProviderIsAskedForWhatTheSessionDoesNotShow(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	for _, c := range []struct {
		need *policy.Requirement
		want string
	}{
		{&policy.Requirement{ACR: []string{"phrh", "gold"}}, "acr_values=phrh+gold&prompt=login"},
		{&policy.Requirement{MaxAge: 30 * time.Second}, "max_age=30&prompt=login"},
		{&policy.Requirement{AMR: []string{"mfa", "hwk"}}, "prompt=login"},
		{&policy.Requirement{MaxAge: time.Hour, ACR: []string{"phr"}, AMR: []string{"hwk"}}, "acr_values=phr&max_age=3600&prompt=login"},
	} {
		step, err := b.stepUp(c.need)
		if err != nil {
			t.Fatal(err)
		}
		if got := asked(t, step.Redirect); got != c.want {
			t.Errorf("with %s required the provider is asked %q, want %q", c.need, got, c.want)
		}
	}
}

// asked are the parameters of an authorization request that a step-up adds or changes.
func asked(t *testing.T, authorization string) string {
	t.Helper()
	got := url.Values{}
	for _, name := range []string{"acr_values", "max_age", "prompt"} {
		if v := query(t, authorization)[name]; v != nil {
			got[name] = v
		}
	}
	return got.Encode()
}

func TestWhoeverIsNotSignedInIsNotAskedTwice(t *testing.T) {
	w := newWorld(t)
	step, err := w.browser("alice").stepUp(&policy.Requirement{MaxAge: time.Minute, ACR: []string{"phr"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := asked(t, step.Redirect); got != "acr_values=phr&max_age=60&prompt=select_account" {
		t.Errorf("the provider is asked %q", got)
	}
}

func TestAStepUpEndsOnThePageWithASessionThatShowsMore(t *testing.T) {
	w := newWorld(t)
	w.clock.stand() // a step-up is under way for some seconds only
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	need := &policy.Requirement{MaxAge: time.Minute, ACR: []string{"phrh"}, AMR: []string{"hwk"}}
	step, err := b.stepUp(need)
	if err != nil {
		t.Fatal(err)
	}
	w.idp.shows("phrh", []string{"hwk", "user"}, 0)
	if step, err = b.callback(b.atProvider(step.Redirect)); err != nil {
		t.Fatal(err)
	}
	if step, err = b.redeem(wikiHost, query(t, step.Redirect).Get("code")); err != nil || step.Redirect != "https://wiki.example.com/secret" {
		t.Fatalf("ended at %s, %v", step.Redirect, err)
	}
	c, answer := b.who(wikiHost)
	if answer != Found || !c.Session.proof().shows(need, w.clock.Now()) || !c.SteppedUp(w.clock.Now()) {
		t.Errorf("%v with %+v", answer, c.Session)
	}
	w.clock.pass(settleTime)
	if c.SteppedUp(w.clock.Now()) {
		t.Error("a step-up is still under way")
	}
}

func TestAProviderThatDoesNotVouchForMoreEndsTheStepUp(t *testing.T) {
	for name, c := range map[string]struct {
		need  *policy.Requirement
		shows func(*idp)
	}{
		"another class":          {&policy.Requirement{ACR: []string{"phrh"}}, func(p *idp) { p.shows("phr", nil, 0) }},
		"no class":               {&policy.Requirement{ACR: []string{"phrh"}}, func(p *idp) { p.shows("", nil, 0) }},
		"one of the methods":     {&policy.Requirement{AMR: []string{"mfa", "hwk"}}, func(p *idp) { p.shows("phr", []string{"mfa"}, 0) }},
		"a sign-in of yesterday": {&policy.Requirement{MaxAge: 30 * time.Second}, func(p *idp) { p.shows("phr", nil, 24*time.Hour) }},
		"no time": {&policy.Requirement{MaxAge: 30 * time.Second}, func(p *idp) {
			p.set(func() { p.claims = func(c map[string]any) { delete(c, "auth_time") } })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser("alice")
			b.visit(wikiHost, "wiki", "/")
			before := sessionOf(t, w, b, authHost)
			step, err := b.stepUp(c.need)
			if err != nil {
				t.Fatal(err)
			}
			c.shows(w.idp)
			step, err = b.callback(b.atProvider(step.Redirect))
			if !errors.Is(err, ErrTooWeak) || Again(err) != "https://wiki.example.com/secret" || step.Redirect != "" {
				t.Errorf("got %+v, %v, again %q", step, err, Again(err))
			}
			if all, err := w.Sessions(w.ctx, ""); err != nil || len(all) != 1 || all[0].ID != before {
				t.Errorf("sessions are %+v, %v", all, err)
			}
			b.is(wikiHost, Found)
		})
	}
}

func TestAStepUpWhoseTimePassesOnTheWayIsNotBegunAgain(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	b := w.browser("alice")
	step, err := b.stepUp(&policy.Requirement{MaxAge: 70 * time.Second}) // of which the provider says that one minute has passed
	if err != nil {
		t.Fatal(err)
	}
	if step, err = b.callback(b.atProvider(step.Redirect)); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(20 * time.Second)
	if step, err = b.redeem(wikiHost, query(t, step.Redirect).Get("code")); !errors.Is(err, ErrTooWeak) || step.Redirect != "" {
		t.Errorf("got %+v, %v", step, err)
	}
}

func TestASessionOfAProviderThatTellsNoTimeHasNone(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() { w.idp.claims = func(c map[string]any) { delete(c, "auth_time") } })
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	if c.Session == nil || !c.Session.Authenticated.IsZero() || c.Session.Begun.IsZero() {
		t.Errorf("the session is %+v", c.Session)
	}
}

func TestWhatAVisitorMayRequireOfThemselves(t *testing.T) {
	for text, want := range map[string]*policy.Requirement{
		"":                                     nil,
		"return=%2F":                           nil,
		"max_age=60":                           {MaxAge: time.Minute},
		"acr_values=a+b&amr=mfa+hwk&max_age=1": {MaxAge: time.Second, ACR: []string{"a", "b"}, AMR: []string{"mfa", "hwk"}},
	} {
		q, _ := url.ParseQuery(text)
		got, err := NeedFrom(q)
		if err != nil || (got == nil) != (want == nil) || got != nil && got.String() != want.String() {
			t.Errorf("%q requires %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"max_age=0", "max_age=-1", "max_age=1h", "max_age=99999999999", "acr_values=" + strings.Repeat("a+", 17), "amr=" + strings.Repeat("a", 1025)} {
		q, _ := url.ParseQuery(text)
		if got, err := NeedFrom(q); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40q requires %v, %v", text, got, err)
		}
	}
}

func FuzzNeed(f *testing.F) {
	f.Add("a b", "mfa", "60")
	f.Add("", "", "0")
	f.Fuzz(func(t *testing.T, acr, amr, age string) {
		need, err := NeedFrom(url.Values{"acr_values": {acr}, "amr": {amr}, "max_age": {age}})
		if err != nil || need == nil {
			return
		}
		again, err := NeedFrom(NeedQuery(need))
		if err != nil || again.MaxAge != need.MaxAge || strings.Join(again.ACR, " ") != strings.Join(need.ACR, " ") || strings.Join(again.AMR, " ") != strings.Join(need.AMR, " ") {
			t.Errorf("%v became %v, %v", need, again, err)
		}
		if c := Challenge("picket", need); strings.ContainsAny(c, "\r\n") || strings.Count(c, `"`)%2 != 0 {
			t.Errorf("the challenge is %q", c)
		}
	})
}

func TestTheChallengeOfAStepUp(t *testing.T) {
	const begin = `Bearer realm="picket", error="insufficient_user_authentication", error_description="A sign-in that is more recent, or stronger, is required"`
	for want, need := range map[string]*policy.Requirement{
		begin: {AMR: []string{"mfa"}},
		begin + `, acr_values="phr gold", max_age="3600"`: {MaxAge: time.Hour, ACR: []string{"phr", "gold"}},
		begin + `, max_age="1"`:                           {MaxAge: time.Second, ACR: []string{`a", x="`}},
	} {
		if got := Challenge("picket", need); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
	if got := NeedQuery(nil); !reflect.DeepEqual(got, url.Values{}) {
		t.Errorf("nothing required is %v", got)
	}
}
