package policy

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func parseTemplate(t testing.TB, source string) (*Template, hcl.Diagnostics) {
	t.Helper()
	expression, diags := hclsyntax.ParseExpression([]byte(source), "header.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return NewTemplate(expression, testOptions())
}

func mustTemplate(t testing.TB, source string) *Template {
	t.Helper()
	template, diags := parseTemplate(t, source)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return template
}

func TestTemplateGivesTheTextOfAnInput(t *testing.T) {
	in := &Input{Authenticated: true, User: User{Email: "a@example.com", EmailVerified: true, Groups: []string{"sre", "staff"}}}
	for source, want := range map[string]string{
		`user.email`:                    "a@example.com",
		`join(",", user.groups)`:        "sre,staff",
		`"Bearer ${upper(user.email)}"`: "Bearer A@EXAMPLE.COM",
		`user.email_verified`:           "true",
		`length(user.groups)`:           "2",
		`env("OFFICE")`:                 "10.0.0.0/8",
		`"constant"`:                    "constant",
		`""`:                            "",
	} {
		got, ok := mustTemplate(t, source).Value(in)
		if !ok || got != want {
			t.Errorf("%s gives %q, %t; want %q", source, got, ok, want)
		}
	}
}

func TestTemplateOfWhatIsMissingIsUnknown(t *testing.T) {
	for _, source := range []string{`user.email`, `"a ${user.email}"`, `join(",", user.groups)`, `user.email_verified`} {
		if got, ok := mustTemplate(t, source).Value(new(Input)); ok {
			t.Errorf("%s gives %q", source, got)
		}
	}
	if _, ok := mustTemplate(t, `"x"`).Value(nil); ok {
		t.Error("a template gives a value without an input")
	}
	if _, ok := (*Template)(nil).Value(new(Input)); ok {
		t.Error("the nil Template gives a value")
	}
}

func TestTemplateThatTheParserCouldNotReadGivesNoValue(t *testing.T) {
	expression, diags := hclsyntax.ParseExpression([]byte(`user.`), "header.hcl", hcl.InitialPos)
	if !diags.HasErrors() {
		t.Fatal("the parser has found no mistake")
	}
	template, diags := NewTemplate(expression, Options{})
	if template != nil || diags.HasErrors() {
		t.Errorf("it is %v with %s", template, diags)
	}
}

func TestTemplateValueOutlivesItsEvaluation(t *testing.T) {
	template := mustTemplate(t, `"<${user.name}>"`)
	first, _ := template.Value(&Input{User: User{Name: "alice"}})
	for range 100 {
		template.Value(&Input{User: User{Name: "mallory"}})
	}
	if first != "<alice>" {
		t.Errorf("the first value has become %q", first)
	}
}

func TestTemplateThatIsNoTextIsRefused(t *testing.T) {
	for source, want := range map[string]string{
		`user.groups`:     wrongType,
		`session.age`:     wrongType,
		`user.emial`:      unknownName,
		`request.headers`: wrongType,
		`[1]`:             wrongType,
	} {
		template, diags := parseTemplate(t, source)
		if template != nil || len(diags) != 1 || diags[0].Summary != want {
			t.Errorf("%s is told %s", source, diags)
		}
	}
}

func TestLargeTextsAreNotKept(t *testing.T) {
	template := mustTemplate(t, `"${user.name}${user.name}"`)
	name := strings.Repeat("x", maxBytes)
	for range 3 {
		if value, _ := template.Value(&Input{User: User{Name: name}}); value != name+name {
			t.Fatal("a large text is not whole")
		}
	}
	var pool frames
	large := &frame{bytes: make([]byte, maxBytes+1)}
	pool.takeBack(large)
	if pool.lend(new(Input)) == large {
		t.Error("a large frame is lent again")
	}
}

func TestOnlyATemplateThatMayAsksForTheAccessToken(t *testing.T) {
	const source = `"Bearer ${session.access_token}"`
	if template, diags := parseTemplate(t, source); !diags.HasErrors() || template != nil {
		t.Error("every template may ask for the token")
	}
	expression, diags := hclsyntax.ParseExpression([]byte(source), "header.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	options := testOptions()
	options.Tokens = true
	template, diags := NewTemplate(expression, options)
	if diags.HasErrors() || !template.AsksForToken() {
		t.Fatalf("it may not be asked for: %s", diags)
	}
	in := &Input{Authenticated: true, Session: Session{ID: "s"}}
	if got, ok := template.ValueWith(in, "t0k"); !ok || got != "Bearer t0k" {
		t.Errorf("it gives %q, %t", got, ok)
	}
	if got, ok := template.Value(in); ok {
		t.Errorf("without a token, after one that had it, it gives %q", got)
	}
	if mustTemplate(t, `user.email`).AsksForToken() || (*Template)(nil).AsksForToken() {
		t.Error("a template that does not ask for the token says it does")
	}
}

func TestTemplateOfTheCallerIsTheSameForWhateverTheCallerAsks(t *testing.T) {
	g := &generator{rand.New(rand.NewPCG(1, 2))}
	var sources []string
	for _, a := range attributes() {
		sources = append(sources, "("+a.example+") ? 1 : 0")
	}
	for _, b := range builtins() {
		sources = append(sources, b.example)
	}
	for range 2000 {
		sources = append(sources, g.text(), g.condition(1))
	}
	ofCaller := 0
	for _, source := range sources {
		template, diags := parseTemplate(t, source)
		if diags.HasErrors() || !template.OfCaller() { // some examples are no texts
			continue
		}
		ofCaller++
		for range 20 {
			in, other := g.input(), g.input()
			other.Authenticated, other.User, other.Session = in.Authenticated, in.User, in.Session
			value, known := template.Value(in)
			if again, ok := template.Value(other); again != value || ok != known {
				t.Fatalf("%s gives %q, and %q for the same caller", source, value, again)
			}
		}
	}
	if ofCaller < len(sources)/20 {
		t.Errorf("of %d templates %d are of the caller", len(sources), ofCaller)
	}
}

func TestTemplateSaysWhatItDependsOn(t *testing.T) {
	for source, want := range map[string]bool{
		`"constant"`: true, `user.email`: true, `join(",", [for g in user.groups : upper(g)])`: true, `user.claims["department"]`: true,
		`session.acr`: true, `in_group("a") ? "yes" : "no"`: true, `authenticated`: false, `request.host`: false, `"${user.email} ${now}"`: false,
		`session.age < duration("1h")`: false, `weekday("mon", "UTC")`: false, `time_of_day("09:00", "17:00", "UTC")`: false,
		`certificate.subject`: false, `workload.subject`: false, `service.name`: false, `data.oncall["x"]`: false,
	} {
		if got := mustTemplate(t, source).OfCaller(); got != want {
			t.Errorf("%s is of the caller: %t", source, got)
		}
	}
}

func TestWhatIsNotToldToBeOfTheCallerIsNot(t *testing.T) {
	if (node{kind: text}).ofCaller() {
		t.Error("a node that tells nothing of what it depends on is of the caller")
	}
	for _, later := range []string{"session.last_seen", "user.risk", "authenticated", "device.name"} {
		if (&attribute{name: later}).ofCaller() {
			t.Errorf("%s, of which nothing is written down with the caller, is of the caller", later)
		}
	}
}
