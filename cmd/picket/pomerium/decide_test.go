package pomerium_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"picket/cmd/picket/pomerium"
	"picket/policy"
)

// who are the people of the tables below.
func who(name string) *policy.Input {
	in := &policy.Input{
		Now:     time.Date(2026, 3, 4, 12, 30, 30, 0, time.UTC), // a Wednesday
		Request: policy.Request{Method: "GET", Host: "t.example.com", Path: "/docs/a", IP: netip.MustParseAddr("10.1.2.3"), Scheme: "https"},
	}
	switch name {
	case "alice": // who has everything
		in.Authenticated = true
		in.User = policy.User{
			ID: "KFMeZLas_K1HaEwJcYYDcswx", Email: "alice@example.com", Groups: []string{"sre"},
			Claims: map[string]any{
				"department": "sales", "roles": []any{"reader", "writer"}, "one": []any{"reader"}, "level": 5.0, "contractor": false,
				"app":                       map[string]any{"roles": []any{"admin"}},
				"https://example.com/roles": []any{"admin"}, "dotted.name": "x",
			},
		}
	case "bob": // who has something else
		in.Authenticated = true
		in.User = policy.User{
			ID: "another", Email: "bob@example.org", Groups: []string{"sre", "guests"},
			Claims: map[string]any{"department": "finance", "roles": []any{"guest"}, "one": "guest", "level": 4.0, "contractor": true},
		}
	case "carol": // of whom nothing is known
		in.Authenticated = true
		in.User = policy.User{ID: "carol", Groups: []string{}, Claims: map[string]any{}}
	}
	return in
}

// admits tells whom a policy of Pomerium's admits, once it is imported.
func admits(t *testing.T, ppl string, in *policy.Input) bool {
	t.Helper()
	return imported(t, ppl).Evaluate("t", in).Allowed()
}

// imported is a policy of Pomerium's, in flow style, as the policy t.
func imported(t testing.TB, ppl string) *policy.Set {
	t.Helper()
	result, err := pomerium.Import("t.yaml", []byte(
		"idp_provider: oidc\nidp_provider_url: https://idp.example.com\nidp_client_id: picket\n"+
			"routes: [{from: https://t.example.com, to: http://10.0.0.1, policy: "+ppl+"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return compiled(t, result.HCL)
}

// compiled are the policies of an output.
func compiled(t testing.TB, text []byte) *policy.Set {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(text, "out.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, text)
	}
	var blocks hcl.Blocks
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		if b.Type == "policy" {
			blocks = append(blocks, b.AsHCLBlock())
		}
	}
	set, diags := policy.Load(blocks, policy.Options{Functions: map[string]function.Function{"env": function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return args[0], nil },
	})}})
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, text)
	}
	return set
}

// TestOperators holds who is admitted by each operator. Of A and B, alice fulfils both, bob B alone, carol none.
func TestOperators(t *testing.T) {
	const both = "[{domain: example.com}, {groups: sre}]"
	for _, c := range []struct{ ppl, admitted string }{
		{"{allow: {and: " + both + "}}", "alice"},
		{"{allow: {or: " + both + "}}", "alice bob"},
		{"{allow: {not: " + both + "}}", "carol"},
		{"{allow: {nor: " + both + "}}", "bob carol"}, // at least one is false
		{"{allow: {or: [{accept: 1}]}, deny: {and: " + both + "}}", "bob carol"},
		{"{allow: {or: [{accept: 1}]}, deny: {or: " + both + "}}", "carol"},
		{"{allow: {or: [{accept: 1}]}, deny: {not: " + both + "}}", "alice bob"},
		{"{allow: {or: [{accept: 1}]}, deny: {nor: " + both + "}}", "alice"},
		{"{allow: {not: [{domain: example.com}]}}", "bob carol"},
		{"{allow: {nor: [{domain: example.com}]}}", "bob carol"},
		{"{allow: {not: [{reject: 1}]}}", "nobody alice bob carol"},
		{"{allow: {and: []}}", ""},
		{"{allow: {and: [{domain: example.com}], or: [{domain: example.org}]}}", "alice bob"},
		{"[{allow: {and: [{domain: example.com}]}}, {allow: {and: [{domain: example.org}]}}]", "alice bob"},
		{"{deny: {or: [{reject: 1}]}}", ""},
		{"{allow: {or: [{accept: 1}]}, deny: {or: [{reject: 1}]}}", "nobody alice bob carol"},
		{"{allow: {or: [{accept: 1}]}, deny: {or: [{accept: 1}]}}", ""},
		{"[]", ""},
	} {
		expect(t, c.ppl, c.admitted)
	}
}

// TestCriteria holds who is admitted by each criterion and matcher.
func TestCriteria(t *testing.T) {
	for _, c := range []struct{ criterion, admitted string }{
		{"accept: true", "nobody alice bob carol"},
		{"reject: true", ""},
		{"authenticated_user: true", "alice bob carol"},
		{"pomerium_routes: true", ""},
		{"cors_preflight: true", ""},

		{"domain: example.com", "alice"},
		{"domain: {is: EXAMPLE.com}", "alice"},
		{"domain: {in: [example.com, example.org]}", "alice bob"},
		{"domain: {not: example.com}", "bob"}, // Pomerium knows no domain of carol's either
		{"domain: {not_in: [example.org]}", "alice"},
		{"domain: {starts_with: example}", "alice bob"},
		{"domain: {ends_with: .org}", "bob"},
		{"domain: {contains: ample.c}", "alice"},
		{"domain: [example.com]", ""},

		{"email: alice@example.com", "alice"},
		{"email: {is: Alice@example.com}", ""},
		{"email: {in: [alice@example.com, bob@example.org]}", "alice bob"},
		{"email: {not: alice@example.com}", "bob carol"}, // whose email Pomerium takes for ""
		{"email: {not_in: [alice@example.com, x@example.com]}", "bob carol"},
		{"email: {starts_with: al}", "alice"},
		{"email: {starts_with: al, ends_with: .org}", ""},
		{"email: {contains: example}", "alice bob"},
		{"email: {in: []}", ""},
		{"email: {not_in: []}", "alice bob carol"},
		{"domain: {not_in: [5]}", "alice bob"},
		{"http_method: {not_in: []}", "nobody alice bob carol"},

		{"claim/department: sales", "alice"},
		{"claim/department: {has: sales}", "alice"},
		{"claim/department: {is: sales}", "alice"},
		{"claim/department: {exclude: sales}", "bob carol"},
		{"claim/roles: reader", "alice"},
		{"claim/roles: {is: reader}", ""},
		{"claim/one: {is: reader}", "alice"},
		{"claim/one: {is: guest}", "bob"},
		{"claim/roles: {exclude: guest}", "alice carol"},
		{"claim/roles: {has: reader, exclude: guest}", "alice"},
		{"claim/roles: [reader, writer]", ""},
		{"claim/level: 5", "alice"},
		{`claim/level: "5"`, ""},
		{"claim/contractor: false", "alice"},
		{"claim/contractor: {exclude: true}", "alice carol"},
		{"claim/app.roles: admin", "alice"},
		{"claim/app/roles: admin", "alice"},
		{"claim/dotted.name: x", "alice"},
		{"claim/https://example.com/roles: admin", "alice"},

		{"groups: sre", "alice bob"},
		{"groups: {has: guests}", "bob"},
		{"groups: {is: sre}", "alice"},
		{"groups: {exclude: guests}", "alice carol"},

		{"user: 00u1", "alice"},
		{"user: {in: [00u1, 00u2]}", "alice"},
		{"user: {not: 00u1}", "bob carol"},

		{"http_method: GET", "nobody alice bob carol"},
		{"http_method: get", ""},
		{"http_method: {not_in: [GET, HEAD]}", ""},
		{"http_path: {starts_with: /docs}", "nobody alice bob carol"},
		{"http_path: /docs", ""},
		{"http_path: {in: [/docs/a, /b]}", "nobody alice bob carol"},
		{"http_path: {not: /docs/a}", ""},

		{"source_ip: 10.1.2.3", "nobody alice bob carol"},
		{"source_ip: 10.9.9.9/8", "nobody alice bob carol"},
		{`source_ip: [192.0.2.0/24, "2001:db8::/32"]`, ""},
		{`source_ip: "::ffff:10.0.0.0/104"`, "nobody alice bob carol"},
		{`source_ip: "::/0"`, ""},

		{"date: {after: 2026-03-04T12:30:00}", "nobody alice bob carol"},
		{"date: {after: 2026-03-04T12:30:30}", ""},
		{"date: {after: 2026-03-04, before: 2026-03-05}", "nobody alice bob carol"},
		{"date: {before: 2026-03-04 12:00:00}", ""},
		{"date: {after: 2026-03-04T14:30:00+02:00}", "nobody alice bob carol"},
		{"date: {before: 2026-03-04T14:30:00+02:00}", ""},

		{`day_of_week: "*"`, "nobody alice bob carol"},
		{"day_of_week: wed", "nobody alice bob carol"},
		{"day_of_week: Tuesday-Friday", "nobody alice bob carol"},
		{`day_of_week: "mon, tue"`, ""},
		{"day_of_week: sat-tue", ""},

		{`time_of_day: {timezone: UTC, after: "12:30"}`, "nobody alice bob carol"},
		{`time_of_day: {timezone: UTC, after: "12:31"}`, ""},
		{`time_of_day: {timezone: UTC, before: "12:31"}`, "nobody alice bob carol"},
		{`time_of_day: {timezone: UTC, before: "12:30"}`, ""},
		{`time_of_day: {timezone: UTC, after: 9AM, before: 5 PM}`, "nobody alice bob carol"},
		{`time_of_day: {timezone: Europe/Berlin, after: 1:00 PM, before: 2:00PM}`, "nobody alice bob carol"},
		{`time_of_day: {timezone: America/New_York, after: 9AM}`, ""},
		{`time_of_day: {timezone: UTC, after: "22:00", before: "14:00"}`, ""}, // Pomerium does not go past midnight
		{`time_of_day: {timezone: UTC, after: "12:30:15"}`, ""},               // in an allow rule from 12:31
		{`time_of_day: {timezone: UTC, before: "23:59:59"}`, "nobody alice bob carol"},
		{`time_of_day: {timezone: UTC, after: "00:00"}`, "nobody alice bob carol"},
	} {
		expect(t, "{allow: {or: [{"+c.criterion+"}]}}", c.admitted)
	}
}

// TestWhatRefusesReachesBeyond holds that seconds, which picket does not tell, widen what refuses.
func TestWhatRefusesReachesBeyond(t *testing.T) {
	expect(t, `{allow: {or: [{accept: 1}]}, deny: {or: [{time_of_day: {timezone: UTC, after: "12:30:45"}}]}}`, "")
	expect(t, `{allow: {or: [{accept: 1}]}, deny: {or: [{time_of_day: {timezone: UTC, before: "12:30:15"}}]}}`, "")
	expect(t, `{allow: {not: [{time_of_day: {timezone: UTC, after: "12:30:45"}}]}}`, "")
	expect(t, `{allow: {or: [{accept: 1}]}, deny: {not: [{time_of_day: {timezone: UTC, after: "12:30:15"}}]}}`, "")
}

// TestWhoIsNotSignedInSignsIn holds that no rule about the user is passed by leaving open who one is.
func TestWhoIsNotSignedInSignsIn(t *testing.T) {
	for _, ppl := range []string{
		"{allow: {or: [{accept: 1}]}, deny: {or: [{email: alice@example.com}]}}",
		"{allow: {or: [{accept: 1}]}, deny: {and: [{email: alice@example.com}, {http_method: POST}]}}",
		"{allow: {or: [{accept: 1}]}, deny: {not: [{domain: example.com}]}}",
		"{allow: {or: [{accept: 1}]}, deny: {nor: [{domain: example.com}]}}",
		"{allow: {not: [{domain: example.com}]}}",
		"{allow: {nor: [{domain: example.com}, {http_method: POST}]}}",
		"{allow: {or: [{email: {not: alice@example.com}}]}}",
		"{allow: {or: [{claim/department: {exclude: sales}}]}}",
		"{allow: {or: [{groups: {exclude: guests}}]}}",
		"{allow: {or: [{accept: 1}]}, deny: {or: [{authenticated_user: 1}]}}",
	} {
		if admits(t, ppl, who("nobody")) {
			t.Errorf("%s admits nobody knows whom", ppl)
		}
	}
}

// TestWhatIsNotCarriedOverAdmitsNobodyMore holds that a criterion without equivalent is not fulfilled in what admits,
// and is fulfilled in what refuses.
func TestWhatIsNotCarriedOverAdmitsNobodyMore(t *testing.T) {
	const both = "[{domain: example.com}, {device: {type: any}}]"
	for _, c := range []struct{ ppl, admitted string }{
		{"{allow: {and: " + both + "}}", ""},
		{"{allow: {or: " + both + "}}", "alice"},
		{"{allow: {not: " + both + "}}", ""},
		{"{allow: {nor: " + both + "}}", "bob carol"},
		{"{allow: {or: [{accept: 1}]}, deny: {and: " + both + "}}", "bob carol"},
		{"{allow: {or: [{accept: 1}]}, deny: {or: " + both + "}}", ""},
		{"{allow: {or: [{accept: 1}]}, deny: {not: " + both + "}}", "alice"},
		{"{allow: {or: [{accept: 1}]}, deny: {nor: " + both + "}}", ""},
		{"[{allow: {or: [{accept: 1}]}}, {permit: {}}]", ""},
		{"[{allow: {or: [{accept: 1}]}}, {deny: {xor: []}}]", ""},
		{"[{allow: {or: [{accept: 1}]}}, {deny: []}]", ""},
		{"[{allow: {or: [{accept: 1}]}}, text]", ""},
		{"{allow: {or: [{accept: 1}]}, deny: {or: [text]}}", ""},
		{"{allow: {or: [{accept: 1}, {domain: example.com, email: x}]}}", "nobody alice bob carol"},
	} {
		expect(t, c.ppl, c.admitted)
	}
}

// TestPathsAreComparedDecoded holds that a path cannot be written so that a rule does not see it.
func TestPathsAreComparedDecoded(t *testing.T) {
	for path, want := range map[string]bool{
		"/a!b": true, "/a%21b": true, "/a%21b/c": true, "/a": false, "/%C3%BC": true, "/ü/x": true, "/50%25": true, "/50": false,
	} {
		in := who("alice")
		in.Request.Path = path
		ppl := `{allow: {or: [{http_path: {starts_with: "/a!b"}}, {http_path: {starts_with: "/ü"}}, {http_path: {is: "/50%"}}]}}`
		if got := admits(t, ppl, in); got != want {
			t.Errorf("%s is admitted: %v, want %v", path, got, want)
		}
	}
}

func TestPreflight(t *testing.T) {
	in := who("nobody")
	in.Request.Method, in.Request.CORSPreflight = "OPTIONS", true
	if !admits(t, "{allow: {or: [{cors_preflight: 1}, {domain: example.com}]}}", in) {
		t.Error("a preflight is not admitted")
	}
}

// expect checks who of nobody, alice, bob and carol is admitted.
func expect(t *testing.T, ppl, admitted string) {
	t.Helper()
	for _, name := range []string{"nobody", "alice", "bob", "carol"} {
		want := strings.Contains(" "+admitted+" ", " "+name+" ")
		if got := admits(t, ppl, who(name)); got != want {
			t.Errorf("%s: %s is admitted: %v, want %v", ppl, name, got, want)
		}
	}
}
