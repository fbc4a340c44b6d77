package pomerium

import "strings"

// grant is a setting of a route that says who may enter, beside its policy. Each is an allow rule of its own.
type grant struct {
	setting string
	read    func(r *reader, e entry) formula
}

// grants are the settings of that kind, with those that Pomerium had before its policy language.
func grants() []grant {
	return []grant{
		{"allow_public_unauthenticated_access", granted(fact(true))},
		{"allow_any_authenticated_user", granted(test{holds: atom("authenticated"), ofUser: true})},
		{"allowed_domains", anyOf("domain")},
		{"allowed_groups", anyOf("groups")},
		{"allowed_users", (*reader).allowedUsers},
		{"allowed_idp_claims", (*reader).allowedClaims},
	}
}

// granted is a switch.
func granted(f formula) func(*reader, entry) formula {
	return func(r *reader, e entry) formula {
		r.ledger.keep(e.line, e.key)
		if !e.value.isTrue() {
			return nil
		}
		return f
	}
}

// anyOf is a list of what a criterion is compared with.
func anyOf(name string) func(*reader, entry) formula {
	return func(r *reader, e entry) formula {
		items, ok := e.value.texts()
		if !ok {
			return r.lost(written{name: e.key, line: e.line}, "it is a list of texts", true)
		}
		if len(items) == 0 {
			r.ledger.keep(e.line, e.key)
			return nil
		}
		if name == "domain" {
			v := value{kind: mapping, line: e.line, entries: []entry{{"in", e.line, value{kind: list, line: e.line, items: items}}}}
			return criteria()[name](r, written{name: e.key, line: e.line, value: v})
		}
		whole := junction{}
		for _, item := range items {
			whole.parts = append(whole.parts, criteria()[name](r, written{name: e.key, line: e.line, value: item}))
		}
		return whole
	}
}

// allowedUsers are emails, or what the identity provider calls people.
func (r *reader) allowedUsers(e entry) formula {
	items, ok := e.value.texts()
	if !ok {
		return r.lost(written{name: e.key, line: e.line}, "it is a list of texts", true)
	}
	whole := junction{}
	for _, item := range items {
		c := written{name: e.key, line: e.line, value: item}
		name := "user"
		if strings.Contains(item.text, "@") {
			name = "email"
		}
		whole.parts = append(whole.parts, criteria()[name](r, c))
	}
	if len(whole.parts) == 0 {
		return nil
	}
	return whole
}

// allowedClaims are values, or lists of them, by the names of claims.
func (r *reader) allowedClaims(e entry) formula {
	if e.value.kind != mapping {
		return r.lost(written{name: e.key, line: e.line}, "it has the names of claims, each with a list of values", true)
	}
	whole := junction{}
	for _, claim := range e.value.entries {
		items, ok := claim.value.texts()
		if !ok {
			return r.lost(written{name: e.key, line: claim.line}, "a claim has a list of values", true)
		}
		for _, item := range items {
			c := written{name: e.key + "/" + claim.key, path: claim.key, line: claim.line, value: item}
			whole.parts = append(whole.parts, r.claim(c))
		}
	}
	if len(whole.parts) == 0 {
		return nil
	}
	return whole
}
