package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// tenRules are rules over groups, networks, patterns and paths of which the last to be asked decides.
const tenRules = `
policy "ten" {
  allow "admins" { when = in_group("admins") }
  allow "sre at work" { when = in_group("sre") && in_cidr(request.ip, ["10.0.0.0/8", "2001:db8::/32"]) }
  allow "docs" { when = glob(request.path, "/docs/**") && user.email_domain == "example.org" }
  allow "team" { when = glob(request.path, "/teams/*/wiki") && has(user.groups, "team-x") }
  allow "api" { when = startswith(request.path, "/api/") && request.method == "GET" }
  allow "staff" { when = user.email_domain == "example.com" && in_group("staff") }
  deny "from away" { when = !in_cidr(request.ip, ["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"]) }
  deny "secrets" { when = startswith(request.path, "/secret/") && !in_group("admins") }
  deny "contractors" { when = in_group("contractors") && request.method != "GET" }
  deny "old session" { when = session.age > duration("14h") }
}`

func benchInput() *Input {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return &Input{
		Authenticated: true,
		User: User{
			ID: "u1", Email: "alice@example.com", Name: "Alice", Groups: []string{"everyone", "team-a", "team-b", "staff"},
			Claims: map[string]any{"roles": []any{"reader", "writer"}, "level": 4.0},
		},
		Session: Session{ID: "s1", Begun: now.Add(-time.Hour), Authenticated: now.Add(-time.Hour), AMR: []string{"pwd"}},
		Request: Request{
			Method: "GET", Host: "wiki.example.com", Path: "/wiki/Main%20Page", Query: "page=a%20b", Scheme: "https",
			IP: netip.MustParseAddr("192.168.7.9"), Header: headers{"Accept": {"text/html"}},
		},
		Certificate: Certificate{Present: true, Valid: true, SANURI: []string{"spiffe://example.com/a"}},
		Workload:    Workload{Issuer: "https://ci.example.com", Claims: map[string]any{"ref": "main"}},
		Service:     Service{Name: "backup"},
		Data:        NewData(map[string]map[string]any{"oncall": {"alice@example.com": map[string]any{"team": "web"}}}),
		Now:         now,
	}
}

// busyRules make texts and lists.
const busyRules = `
policy "busy" {
  allow "made" {
    when = (
      "${lower("${user.name} of ${user.email_domain}")}" == "alice of example.com" &&
      length([for g in user.groups : upper(g) if startswith(g, "team-")]) == 2 &&
      has(split(",", join(",", user.claims["roles"])), "writer") &&
      has([user.id, user.email], "alice@example.com") && has_all(user.claims["roles"], ["reader"]) &&
      request.query["page"] == "a b" && request.headers["accept"] == "text/html" &&
      matches(request.path, "^/wiki/[A-Z]") && glob(request.path, "/*/M*%20*") &&
      time_of_day("22:00", "07:00", "Europe/Berlin") && weekday("wed", "Europe/Berlin") &&
      "${request.ip} ${now} ${user.claims["level"]} ${authenticated}" == "192.168.7.9 2026-03-04T05:06:07Z 4 true"
    )
  }
}`

// factRules ask for what is not of the request.
const factRules = `
policy "facts" {
  include = [policy.base]
  allow "on call" {
    when = (
      has(data.oncall, user.email) && data.oncall[user.email]["team"] == "web" && certificate.valid &&
      has(certificate.san_uri, "spiffe://example.com/a") && workload.claims["ref"] == "main" && service.name == "backup"
    )
  }
  require {
    max_age = "2h"
    amr     = ["pwd"]
  }
}
policy "base" {
  allow "anyone" { when = authenticated }
  require { max_age = "8h" }
}`

// manyRules is a policy of n rules of which none admits.
func manyRules(n int) string {
	var source strings.Builder
	source.WriteString("policy \"many\" {\n")
	for i := range n {
		fmt.Fprintf(&source, "allow \"rule %d\" { when = in_group(\"group-%d\") && startswith(request.path, \"/%d/\") }\n", i, i, i)
	}
	return source.String() + "}\n"
}

func BenchmarkEvaluate(b *testing.B) {
	for name, source := range map[string]string{"ten": tenRules, "busy": busyRules, "facts": factRules} {
		set, in := mustLoad(b, source), benchInput()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !set.Evaluate(name, in).Allowed() {
					b.Fatal("denied")
				}
			}
		})
	}
}

func BenchmarkEvaluateParallel(b *testing.B) {
	set, in := mustLoad(b, tenRules), benchInput()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			set.Evaluate("ten", in)
		}
	})
}

// BenchmarkRules shows what a rule costs when there are many.
func BenchmarkRules(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		set, in := mustLoad(b, manyRules(n)), benchInput()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Evaluate("many", in)
			}
		})
	}
}

// BenchmarkLoad loads a thousand policies of ten rules. Of all that it takes, parse is HCL's part, and compile ours.
func BenchmarkLoad(b *testing.B) {
	var source strings.Builder
	for i := range 1000 {
		source.WriteString(strings.Replace(tenRules, `"ten"`, fmt.Sprintf(`"p%d"`, i), 1) + "\n")
	}
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			if _, diags := parse(source.String()); diags.HasErrors() {
				b.Fatal(diags)
			}
		}
	})
	b.Run("compile", func(b *testing.B) {
		blocks, _ := parse(source.String())
		for b.Loop() {
			if _, diags := Load(blocks, Options{}); diags.HasErrors() {
				b.Fatal(diags)
			}
		}
	})
}

// BenchmarkNewTemplate compiles the value of one header: there may be several for each of ten thousand routes.
func BenchmarkNewTemplate(b *testing.B) {
	expression, diags := hclsyntax.ParseExpression([]byte(`join(",", user.groups)`), "header.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	options := testOptions()
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := NewTemplate(expression, options); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
