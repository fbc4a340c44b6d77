package policy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"time"
)

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
