package pomerium_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"picket/policy"
)

// What Pomerium decides, written down a second time and in its own terms: criteria are true or false, whatever is
// missing, and have a part in the answer that sends whoever is not signed in to sign in.

// answer is what a criterion, a rule or an action came to.
type answer struct {
	true  bool
	login bool // a criterion about the user had a part in it, and nobody is signed in
}

type criterionCase struct {
	text   string
	ofUser bool
	holds  func(in *policy.Input) bool
}

func has(list []string, item string) bool { return slices.Contains(list, item) }

// claims are the values of a claim; Pomerium has lists of them alone.
func claims(in *policy.Input, name string) []string {
	switch v := in.User.Claims[name].(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, fmt.Sprint(item))
		}
		return all
	}
	return nil
}

func emailDomain(in *policy.Input) string {
	_, domain, _ := strings.Cut(in.User.Email, "@")
	return domain
}

func criterionCases() []criterionCase {
	return []criterionCase{
		{"accept: 1", false, func(*policy.Input) bool { return true }},
		{"reject: 1", false, func(*policy.Input) bool { return false }},
		{"authenticated_user: 1", true, func(in *policy.Input) bool { return in.Authenticated }},
		{"domain: example.com", true, func(in *policy.Input) bool { return emailDomain(in) == "example.com" }},
		{"domain: {not: example.com}", true, func(in *policy.Input) bool { return emailDomain(in) != "" && emailDomain(in) != "example.com" }},
		{"domain: {not_in: [example.com, example.org]}", true, func(in *policy.Input) bool {
			return emailDomain(in) != "" && !has([]string{"example.com", "example.org"}, emailDomain(in))
		}},
		{"email: {starts_with: a}", true, func(in *policy.Input) bool { return strings.HasPrefix(in.User.Email, "a") }},
		{"email: {not: alice@example.com}", true, func(in *policy.Input) bool { return in.User.Email != "alice@example.com" }},
		{"email: {not_in: [alice@example.com, bob@example.org]}", true, func(in *policy.Input) bool {
			return !has([]string{"alice@example.com", "bob@example.org"}, in.User.Email)
		}},
		{"email: {starts_with: a, not: a@example.com}", true, func(in *policy.Input) bool {
			return strings.HasPrefix(in.User.Email, "a") && in.User.Email != "a@example.com"
		}},
		{"claim/department: sales", true, func(in *policy.Input) bool { return has(claims(in, "department"), "sales") }},
		{"claim/roles: reader", true, func(in *policy.Input) bool { return has(claims(in, "roles"), "reader") }},
		{"claim/roles: {exclude: guest}", true, func(in *policy.Input) bool { return !has(claims(in, "roles"), "guest") }},
		{"claim/one: {is: reader}", true, func(in *policy.Input) bool { return slices.Equal(claims(in, "one"), []string{"reader"}) }},
		{"claim/roles: {has: reader, exclude: guest}", true, func(in *policy.Input) bool {
			return has(claims(in, "roles"), "reader") && !has(claims(in, "roles"), "guest")
		}},
		{"groups: guests", true, func(in *policy.Input) bool { return has(in.User.Groups, "guests") }},
		{"groups: {is: sre}", true, func(in *policy.Input) bool { return slices.Equal(in.User.Groups, []string{"sre"}) }},
		{"groups: {exclude: guests}", true, func(in *policy.Input) bool { return in.Authenticated && !has(in.User.Groups, "guests") }},
		{"http_method: GET", false, func(in *policy.Input) bool { return in.Request.Method == "GET" }},
		{"http_method: {not_in: [GET, HEAD]}", false, func(in *policy.Input) bool { return !has([]string{"GET", "HEAD"}, in.Request.Method) }},
		{"http_path: {starts_with: /docs}", false, func(in *policy.Input) bool { return strings.HasPrefix(in.Request.Path, "/docs") }},
		{"cors_preflight: 1", false, func(in *policy.Input) bool { return in.Request.CORSPreflight }},
	}
}

// operatorCase is an operator with criteria.
type operatorCase struct {
	action, operator string
	criteria         []criterionCase
}

func (o operatorCase) String() string {
	var all []string
	for _, c := range o.criteria {
		all = append(all, "{"+c.text+"}")
	}
	return "{" + o.action + ": {" + o.operator + ": [" + strings.Join(all, ", ") + "]}}"
}

// merge is how Pomerium puts answers together: those that made it true, or those that made it false, have a part.
func merge(answers []answer, all bool) answer {
	merged := answer{true: all}
	for _, a := range answers {
		if a.true != all {
			merged.true = !all
		}
	}
	for _, a := range answers {
		merged.login = merged.login || a.true == merged.true && a.login
	}
	return merged
}

func (o operatorCase) answer(in *policy.Input) answer {
	inverted := o.operator == "not" || o.operator == "nor"
	var answers []answer
	for _, c := range o.criteria {
		holds := c.holds(in)
		answers = append(answers, answer{true: holds != inverted, login: c.ofUser && !in.Authenticated && !holds})
	}
	return merge(answers, o.operator == "and" || o.operator == "not")
}

// admitted is whether Pomerium admits. Where one rule admits whoever comes and another asks who it is, Pomerium asks;
// picket does not, since the first is enough.
func admitted(rules []operatorCase, in *policy.Input) bool {
	allowed, denied := false, []answer{}
	for _, r := range rules {
		a := r.answer(in)
		if r.action == "deny" {
			denied = append(denied, a)
		} else {
			allowed = allowed || a.true && !a.login
		}
	}
	refused := merge(denied, false)
	return allowed && !refused.true && !refused.login
}

// TestDecidesAsPomerium compares what random policies decide, for people of whom all sorts of things are missing. Who
// is not signed in is never admitted where Pomerium would not; there picket asks more often who it is.
func TestDecidesAsPomerium(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 800 {
		rules := randomRules(random)
		var text []string
		for _, r := range rules {
			text = append(text, r.String())
		}
		ppl := "[" + strings.Join(text, ", ") + "]"
		set := imported(t, ppl)
		for range 20 {
			in := randomInput(random)
			got, want := set.Evaluate("t", in).Allowed(), admitted(rules, in)
			if got != want && (got || in.Authenticated) {
				t.Fatalf("%s\nof %+v:\nadmitted %v, want %v", ppl, *in, got, want)
			}
		}
	}
}

func randomRules(random *rand.Rand) []operatorCase {
	cases := criterionCases()
	var rules []operatorCase
	for range 1 + random.IntN(3) {
		r := operatorCase{action: pick(random, "allow", "allow", "deny"), operator: pick(random, "and", "or", "not", "nor")}
		for range 1 + random.IntN(3) {
			r.criteria = append(r.criteria, cases[random.IntN(len(cases))])
		}
		rules = append(rules, r)
	}
	if random.IntN(2) == 0 {
		rules = append(rules, operatorCase{"allow", "or", cases[:1]})
	}
	return rules
}

func pick[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

func randomInput(random *rand.Rand) *policy.Input {
	in := who("nobody")
	in.Request.Method = pick(random, "GET", "POST", "OPTIONS")
	in.Request.Path = pick(random, "/docs/a", "/other")
	in.Request.CORSPreflight = random.IntN(4) == 0
	if random.IntN(4) == 0 {
		return in
	}
	in.Authenticated = true
	in.User = policy.User{ID: "u", Groups: pick(random, []string{}, []string{"sre"}, []string{"guests"}, []string{"sre", "guests"}), Claims: map[string]any{}}
	in.User.Email = pick(random, "", "alice@example.com", "a@example.com", "bob@example.org", "c@example.net")
	for _, name := range []string{"department", "roles", "one"} {
		if v := pick[any](random, nil, "sales", "reader", "guest", []any{}, []any{"reader"}, []any{"reader", "guest"}, []any{"sales"}); v != nil {
			in.User.Claims[name] = v
		}
	}
	return in
}
