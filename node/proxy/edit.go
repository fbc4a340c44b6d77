package proxy

import (
	"context"
	"slices"

	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/policy"
)

// edit is what a route changes of the fields of a message. What it sets takes the place of whatever bears the name, and is
// left out where its value is unknown. The zero edit changes nothing, and costs nothing.
type edit struct {
	names  []string // folded: of what is taken out
	set    []header
	tokens bool // some value asks for session.access_token
}

func newEdit(h config.Headers) edit {
	var e edit
	for _, one := range h.Set {
		e.set = append(e.set, newHeader(one.Name, one.Value))
		e.names = append(e.names, foldName(one.Name))
		e.tokens = e.tokens || one.Value.AsksForToken()
	}
	for _, name := range h.Remove {
		e.names = append(e.names, foldName(name))
	}
	return e
}

// takes tells whether some reader could take name for one that is taken out.
func (e *edit) takes(name string) bool {
	if len(e.names) == 0 {
		return false
	}
	var room [64]byte
	folded := appendFolded(room[:0], name)
	return slices.ContainsFunc(e.names, func(n string) bool { return n == string(folded) })
}

// without are the fields that are not taken out: those given, or others, for policies may be asked about them meanwhile.
func (e *edit) without(fields http1.Fields) http1.Fields {
	if len(e.names) == 0 || !slices.ContainsFunc(fields, func(f http1.Field) bool { return e.takes(f.Name) }) {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), func(f http1.Field) bool { return e.takes(f.Name) })
}

// apply changes the fields of a response.
func (e *edit) apply(fields *http1.Fields, in *policy.Input) {
	if len(e.names) == 0 {
		return
	}
	*fields = slices.DeleteFunc(*fields, func(f http1.Field) bool { return e.takes(f.Name) })
	*fields = appendHeaders(*fields, e.set, in, "")
}

// set puts a field in the place of whatever bears its name, or at the end.
func set(fields *http1.Fields, f http1.Field) {
	for i := range *fields {
		if (*fields)[i].Known() == f.Known() {
			fields.Set(f.Name, f.Value)
			return
		}
	}
	*fields = append(*fields, f)
}

// tell adds to what the application is told what the route sets. Where the access token is asked for and cannot be read,
// nothing is carried: to an application a missing token says that there is none.
func (d *Door) tell(ctx context.Context, a *ask) *authz.Refusal {
	e := &a.route.asked
	if len(e.set) == 0 {
		return nil
	}
	token := ""
	if e.tokens && a.found() {
		var err error
		if token, err = a.rules.authn.AccessToken(ctx, a.caller); err != nil {
			d.log.Warn().Err(err).Str("request_id", a.id).Str("route", a.route.Name).Msg("reading an access token")
			return unavailable(a.route.Name)
		}
	}
	a.given = appendHeaders(a.given, e.set, &a.in, token)
	return nil
}
