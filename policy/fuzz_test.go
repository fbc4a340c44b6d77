package policy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzLoad holds that reading a policy never panics, that each mistake has its place, that a set with mistakes denies,
// and that what is read can be evaluated.
func FuzzLoad(f *testing.F) {
	for _, path := range glued(f, "testdata/mistakes/*.hcl") {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(annotated(string(source), nil)) {
			f.Add("policy \"p\" {\n" + line + "}\n")
		}
	}
	f.Add(tenRules)
	f.Add(busyRules)
	f.Add("policy\"A\"{\nallow\"0\"{when=in_group(\"") // the parser gives a text that ends before it begins
	f.Add("policy\"A\"{\nallow\"0\"{when=0..00")       // and a number that it does not know
	f.Fuzz(func(t *testing.T, source string) {
		set, diags := load(source)
		tests, more := loadTests(source, set)
		for _, test := range tests {
			test.Run(set)
		}
		diags = append(diags, more...)
		for _, d := range diags {
			if d.Subject == nil || d.Summary == "" || d.Detail == "" {
				t.Errorf("%v says too little", d)
			}
		}
		for _, name := range set.Names() {
			for _, in := range []*Input{new(Input), benchInput()} {
				decision := set.Evaluate(name, in)
				checkExplanation(t, set, name, in)
				if decision.Allowed() && diags.HasErrors() && set.policies[name].parts == nil {
					t.Errorf("%s admits with mistakes", name)
				}
			}
		}
	})
}

// FuzzTemplate holds the same of single expressions.
func FuzzTemplate(f *testing.F) {
	archive, err := os.ReadFile("testdata/stories/expressions.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(archive)) {
		if expression, _, ok := strings.Cut(line, " => "); ok {
			f.Add(expression)
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		expression, diags := hclsyntax.ParseExpression([]byte(source), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		template, diags := NewTemplate(expression, testOptions())
		for _, d := range diags {
			if d.Subject == nil {
				t.Errorf("%v has no place", d)
			}
		}
		for _, in := range []*Input{new(Input), benchInput()} {
			first, ok := template.Value(in)
			second, again := template.Value(in)
			if first != second || ok != again {
				t.Errorf("%s is first %q, %t, then %q, %t", source, first, ok, second, again)
			}
		}
	})
}

// fuzzRules runs a property of sets of rules, and of the inputs that they are asked of.
func fuzzRules(f *testing.F, property func(t *testing.T, g *generator, rules []string, in *Input)) {
	for seed := range uint64(64) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := &generator{rand.New(rand.NewPCG(seed, 0))}
		rules := make([]string, 1+g.IntN(6))
		for i := range rules {
			rules[i] = g.rule([]string{"allow", "allow", "deny"}[g.IntN(3)], i)
		}
		if g.IntN(2) == 0 {
			rules = append(rules, g.requirement())
		}
		property(t, g, rules, g.input())
	})
}

// policyOf is the policy p of these rules.
func policyOf(rules []string) string { return "policy \"p\" {\n" + strings.Join(rules, "\n") + "\n}\n" }

// access is how far the rules let an input in.
func access(t *testing.T, rules []string, in *Input) int {
	t.Helper()
	return mustLoad(t, policyOf(rules)).Evaluate("p", in).Outcome.access()
}

func FuzzAddingADenyNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		more := slices.Insert(slices.Clone(rules), g.IntN(len(rules)+1), g.rule("deny", len(rules)))
		if access(t, more, in) > access(t, rules, in) {
			t.Errorf("%s admits what %s does not", more, rules)
		}
	})
}

func FuzzRemovingAnAllowNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		rules = append(rules, g.rule("allow", len(rules)))
		fewer := rules[:len(rules)-1]
		if access(t, fewer, in) > access(t, rules, in) {
			t.Errorf("%s admits what %s does not", fewer, rules)
		}
	})
}

// FuzzRequiringNeverAdmits holds also that what is required changes nothing but whether one has to sign in again, and
// that signing in as is needed is enough.
func FuzzRequiringNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		source := fmt.Sprintf("policy \"q\" {\nallow \"q\" { when = true }\n%s\n}\n", g.requirement())
		set := mustLoad(t, source+policyOf(append(slices.Clone(rules), "include = [policy.q]")))
		before, after := access(t, rules, in), set.Evaluate("p", in)
		switch {
		case after.Outcome.access() > before:
			t.Errorf("requiring more than %s admits", rules)
		case (before == Deny.access()) != (after.Outcome == Deny):
			t.Errorf("requiring more than %s denies", rules)
		case after.Outcome == StepUp:
			again := *in
			again.Session.Authenticated, again.Session.AMR = in.Now, after.Need.AMR
			again.Session.ACR = append(after.Need.ACR, "")[0]
			if after.Need.met(in) || !mustLoad(t, source+policyOf([]string{`allow "a" { when = true }`, "include = [policy.q]"})).Evaluate("p", &again).Allowed() {
				t.Errorf("%+v is not what is needed", after.Need)
			}
		}
	})
}

func FuzzOrderNeverMatters(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		shuffled := slices.Clone(rules)
		g.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if access(t, rules, in) != access(t, shuffled, in) {
			t.Errorf("%s and %s decide differently", rules, shuffled)
		}
	})
}

func FuzzWhatIsMissingNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		less := g.without(in)
		if access(t, rules, less) > access(t, rules, in) {
			t.Errorf("%s admits %+v, which is %+v with less", rules, less, in)
		}
	})
}

// generator makes rules and inputs at random. Rules never ask whether something is there.
type generator struct{ *rand.Rand }

func (g *generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g *generator) rule(kind string, i int) string {
	return fmt.Sprintf("%s \"rule %d\" { when = %s }", kind, i, g.condition(3))
}

// requirement is a require block. Every one can be met together with every other.
func (g *generator) requirement() string {
	return "require {\n" + g.pick("max_age = \"1h\"", "max_age = \"24h\"", "") + "\n" + g.pick("acr = [\"a\"]", "acr = [\"b\", \"a\"]", "") + "\n" +
		g.pick("amr = [\"a\"]", "amr = [\"b\", \"ab\"]") + "\n}"
}

func (g *generator) condition(depth int) string {
	if depth == 0 {
		return g.question()
	}
	switch g.IntN(6) {
	case 0:
		return "!(" + g.condition(depth-1) + ")"
	case 1, 2:
		return "(" + g.condition(depth-1) + g.pick(" && ", " || ") + g.condition(depth-1) + ")"
	case 3:
		return "(" + g.condition(depth-1) + " ? " + g.condition(depth-1) + " : " + g.condition(depth-1) + ")"
	}
	return g.question()
}

func (g *generator) question() string {
	switch g.IntN(10) {
	case 9:
		return g.pick("certificate.valid", `has(data.oncall, `+g.text()+`)`, `data.oncall[`+g.text()+`]`, `has(data.oncall["list"], `+g.text()+`)`,
			`has_any(certificate.san_dns, `+g.list()+`)`, `workload.claims["yes"]`)
	case 0:
		return g.text() + g.pick(" == ", " != ") + g.text()
	case 1:
		return g.pick("startswith", "endswith", "contains") + "(" + g.text() + ", " + g.text() + ")"
	case 2:
		return "has(" + g.list() + ", " + g.text() + ")"
	case 3:
		return g.pick("has_any", "has_all") + "(" + g.list() + ", " + g.list() + ")"
	case 4:
		return g.number() + g.pick(" < ", " <= ", " > ", " >= ", " == ", " != ") + g.number()
	case 5:
		return g.pick(`in_cidr(request.ip, "10.0.0.0/8")`, `request.ip == "10.0.0.1"`, `session.age < duration("1h")`,
			`now > session.authenticated + duration("1h")`, `weekday("mon-wed", "UTC")`, `time_of_day("22:00", "06:00", "UTC")`)
	case 6:
		return g.pick("in_group("+g.text()+")", `in_group("a", `+g.text()+")")
	case 7:
		return g.pick("authenticated", "user.email_verified", "request.websocket", `user.claims["yes"]`, "true", "false")
	}
	return g.pick("glob(", "matches(") + g.text() + `, "a?")`
}

func (g *generator) text() string {
	switch g.IntN(12) {
	case 0:
		return g.pick("lower", "upper", "email_domain") + "(" + g.text() + ")"
	case 1:
		return `"${` + g.text() + `}-${` + g.number() + `}"`
	case 2:
		return `join("-", ` + g.list() + ")"
	case 3:
		return g.list() + "[" + g.pick("0", `length(user.groups)`) + "]"
	}
	return g.pick(`"${user.name}"`, "user.id", "user.email", "user.email_domain", "user.name", "session.acr", "session.device", "request.method",
		"request.host", "request.path", `request.query["a"]`, `request.headers["a"]`, `user.claims["a"]`, `"${user.claims["a"]["b"]}"`, `user.groups[0]`,
		"certificate.subject", "certificate.fingerprint", "workload.subject", "service.name", `"${data.oncall["text"]}"`)
}

func (g *generator) list() string {
	switch g.IntN(6) {
	case 0:
		return "[" + g.text() + ", " + g.text() + "]"
	case 1:
		return "[for x in " + g.list() + ` : upper(x) if x != "b"]`
	case 2:
		return `split("b", ` + g.text() + ")"
	}
	return g.pick("user.groups", "session.amr", `(user.name == "a" ? user.groups : session.amr)`, `claim("list")`)
}

func (g *generator) number() string {
	switch g.IntN(5) {
	case 0:
		return "length(" + g.list() + ")"
	case 1:
		return "(" + g.number() + g.pick(" + ", " - ", " * ", " / ", " % ") + "(" + g.number() + "))"
	}
	return g.pick("length(request.path)", "length(user.groups)", `user.claims["n"] + 0`, `claim("a", "n") + 0`)
}

// input is one in which nothing is missing.
func (g *generator) input() *Input {
	word := func() string { return g.pick("a", "b", "ab", "A", "a@a", "B@b") }
	words := func() []string { return []string{word(), word()} }
	when := func() time.Time { return time.Date(2026, 3, 1+g.IntN(7), g.IntN(24), 0, 0, 0, time.UTC) }
	return &Input{
		Authenticated: g.IntN(8) > 0,
		User: User{
			ID: word(), Email: word(), Name: word(), Groups: words(), EmailVerified: g.IntN(2) > 0,
			Claims: map[string]any{
				"a": map[string]any{"b": word(), "n": 2.0}, "yes": g.IntN(2) > 0, "n": float64(g.IntN(3)), "list": []any{word(), word()},
			},
		},
		Session: Session{Begun: when(), Authenticated: when(), ACR: word(), Device: word(), AMR: words()},
		Request: Request{
			Method: word(), Host: word(), Path: word(), Query: "a=" + word(), Header: headers{"A": words()},
			IP: netip.AddrFrom4([4]byte{byte(10 + g.IntN(2)), 0, 0, 1}), WebSocket: g.IntN(2) > 0,
		},
		Certificate: Certificate{Present: true, Valid: g.IntN(2) > 0, Subject: word(), Fingerprint: word(), SANDNS: words()},
		Workload:    Workload{Issuer: word(), Subject: word(), Claims: map[string]any{"yes": g.IntN(2) > 0}},
		Service:     Service{ID: word(), Name: word()},
		Data: NewData(map[string]map[string]any{
			"oncall": {"a": g.IntN(2) > 0, "b": true, "list": []any{word(), word()}, "text": word()},
			"roster": {"a": 1.0},
		}),
		Now: when(),
	}
}

// without is the input with some of it missing.
func (g *generator) without(in *Input) *Input {
	less := *in
	less.User.Claims = maps.Clone(in.User.Claims)
	for _, forget := range []func(){
		func() { less.User.ID = "" }, func() { less.User.Email = "" }, func() { less.User.Name = "" },
		func() { less.User.Groups = nil }, func() { less.User.Claims = nil }, func() { delete(less.User.Claims, "n") },
		func() { delete(less.User.Claims, "a") }, func() { delete(less.User.Claims, "list") },
		func() { less.Session.ACR = "" }, func() { less.Session.AMR = nil }, func() { less.Session.Begun = time.Time{} },
		func() { less.Session.Authenticated = time.Time{} }, func() { less.Session = Session{} },
		func() { less.Request.Method = "" }, func() { less.Request.Query = "" }, func() { less.Request.Header = nil },
		func() { less.Certificate = Certificate{} }, func() { less.Certificate.Subject = "" }, func() { less.Workload = Workload{} },
		func() { less.Service.Name = "" }, func() { less.Data = nil }, func() { less.Request.IP = netip.Addr{} }, func() { less.Request.Path = "" }, func() { less.Now = time.Time{} },
	} {
		if g.IntN(3) == 0 {
			forget()
		}
	}
	return &less
}
