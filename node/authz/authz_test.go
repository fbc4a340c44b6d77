package authz

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"picket/examples/allocs"
	"picket/node/config"
	"picket/policy"
)

const policies = `
policy "staff" {
  allow "employee" { when = user.email_domain == "example.com" }
}
policy "quiet" {
  deny "night" {
    when    = request.method == "DELETE"
    message = "Not at night."
  }
  allow "anyone" { when = true }
}
policy "team" {
  allow "team" { when = present(request.headers["X-Team"]) && present(request.headers["Authorization"]) && present(request.query["token"]) }
}
policy "old" {
  mode = "shadow"
  deny "delete" { when = request.method == "DELETE" }
}
policy "nobody" {}
policy "recent" {
  allow "anyone" { when = true }
  require {
    max_age = "1m"
    amr     = ["mfa"]
  }
}
policy "gold" {
  allow "anyone" { when = true }
  require { acr = ["gold", "phr"] }
}
policy "silver" {
  allow "anyone" { when = true }
  require { acr = ["silver"] }
}
policy "strong" {
  allow "anyone" { when = true }
  require {
    max_age = "1h"
    acr     = ["phr"]
  }
}
`

func load(t testing.TB) *policy.Set {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL([]byte(policies), "policies.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "policy", LabelNames: []string{"name"}}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	set, diags := policy.Load(content.Blocks, policy.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return set
}

// signedIn is a request of somebody.
func signedIn(email, method string) *policy.Input {
	return &policy.Input{
		Authenticated: true, User: policy.User{ID: "1", Email: email, EmailVerified: true}, Request: policy.Request{Method: method},
	}
}

func TestARouteAdmitsWhomItIsFor(t *testing.T) {
	a := New(Options{Policies: load(t), Log: zerolog.Nop()})
	nobody := &policy.Input{Request: policy.Request{Method: "GET"}}
	alice := signedIn("alice@example.com", "GET")
	for name, c := range map[string]struct {
		route config.Route
		in    *policy.Input
		want  policy.Decision
	}{
		"the zero route admits nobody":          {config.Route{}, alice, policy.Decision{Rule: RuleNobody}},
		"a public route admits everyone":        {config.Route{Access: config.Public}, nobody, policy.Decision{Outcome: policy.Allow, Rule: RulePublic}},
		"any user is not nobody":                {config.Route{Access: config.AnyUser}, nobody, policy.Decision{Rule: RuleSignedOut}},
		"any user is whoever is signed in":      {config.Route{Access: config.AnyUser}, alice, policy.Decision{Outcome: policy.Allow, Rule: RuleAnyUser}},
		"an access that is none admits nobody":  {config.Route{Access: 77}, alice, policy.Decision{}},
		"a policy admits by its rule":           {route("staff"), alice, policy.Decision{Outcome: policy.Allow, Policy: "staff", Rule: "employee"}},
		"a policy without a match denies":       {route("staff"), signedIn("m@evil.test", "GET"), policy.Decision{Policy: "staff"}},
		"a policy that is not there denies":     {route("stuff"), alice, policy.Decision{Policy: "stuff"}},
		"all policies must admit":               {route("staff", "quiet"), alice, policy.Decision{Outcome: policy.Allow, Policy: "quiet", Rule: "anyone"}},
		"the first refusal is told":             {route("quiet", "staff"), signedIn("m@evil.test", "DELETE"), policy.Decision{Policy: "quiet", Rule: "night", Message: "Not at night."}},
		"a later refusal is one too":            {route("staff", "quiet"), signedIn("a@example.com", "DELETE"), policy.Decision{Policy: "quiet", Rule: "night", Message: "Not at night."}},
		"a policy that is missing in the midst": {route("staff", "", "quiet"), alice, policy.Decision{}},
	} {
		if got := a.Decide(&c.route, c.in); got.Decision != c.want || got.Shadow != nil {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func route(policies ...string) config.Route { return config.Route{Name: "r", Policies: policies} }

func TestWithoutPoliciesEveryPolicyDenies(t *testing.T) {
	r := route("staff")
	if d := New(Options{Log: zerolog.Nop()}).Decide(&r, signedIn("alice@example.com", "GET")); d.Allowed() {
		t.Errorf("got %+v", d)
	}
}

func TestDecisionsAreCountedOnceEach(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := route("staff")
	for range 2 { // the second Authz, of a later configuration, counts on
		a := New(Options{Policies: load(t), Log: zerolog.Nop(), Registry: registry})
		a.Decide(&r, signedIn("alice@example.com", "GET"))
		a.Decide(&r, signedIn("m@evil.test", "GET"))
		a.Evaluate(&r, signedIn("m@evil.test", "GET"))
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "picket_decisions_total" {
		t.Fatalf("gathered %v, %v", families, err)
	}
	for _, m := range families[0].GetMetric() {
		if got := m.GetCounter().GetValue(); got != 2 {
			t.Errorf("%v is %v", m.GetLabel(), got)
		}
	}
}

func TestADecisionAllocatesNothing(t *testing.T) {
	a := New(Options{Policies: load(t), Log: zerolog.Nop()})
	r, in := route("staff", "quiet"), signedIn("alice@example.com", "GET")
	if n := allocs.Least(0, 100, func() { a.Decide(&r, in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	a := New(Options{Policies: load(b), Log: zerolog.Nop()})
	anyUser, byPolicy := config.Route{Name: "r", Access: config.AnyUser}, route("staff", "quiet")
	for name, r := range map[string]*config.Route{"any user": &anyUser, "two policies": &byPolicy} {
		b.Run(name, func(b *testing.B) {
			in := benchInput()
			b.ReportAllocs()
			for b.Loop() {
				a.Decide(r, in)
			}
		})
	}
}

func TestWhatSeveralPoliciesRequireIsAskedForTogether(t *testing.T) {
	a := New(Options{Policies: load(t), Log: zerolog.Nop()})
	alice := signedIn("alice@example.com", "GET")
	for name, c := range map[string]struct {
		route config.Route
		want  string
	}{
		"one":                       {route("strong", "staff"), "step_up by what strong requires: max_age 1h0m0s, acr phr"},
		"two":                       {route("strong", "recent"), "step_up by what strong requires: max_age 1m0s, acr phr, amr mfa"},
		"in the other order":        {route("recent", "strong"), "step_up by what recent requires: max_age 1m0s, acr phr, amr mfa"},
		"classes in common":         {route("strong", "gold"), "step_up by what strong requires: max_age 1h0m0s, acr phr"},
		"no class in common":        {route("strong", "silver"), "step_up by what strong requires: max_age 1h0m0s, acr phr"},
		"a denial comes before":     {route("strong", "nobody"), "deny, as no rule of nobody admits: "},
		"a denial that comes first": {route("nobody", "strong"), "deny, as no rule of nobody admits: "},
	} {
		d := a.Decide(&c.route, alice)
		need := ""
		if d.Need != nil {
			need = d.Need.String()
		}
		if got := d.String() + ": " + need; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
