package proxy

import (
	"errors"
	"strings"

	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// What a request is decided by stays what was asked for. What the application is sent may be another path, and that is held
// to the same rules: nothing that two readers could read differently goes upstream, whatever a route makes of it.

// errRewritten is for a path of which a route makes none.
var errRewritten = errors.New("what the route makes of the path is no path")

// rewrite finds the path that goes upstream.
func (a *ask) rewrite() *authz.Refusal {
	path, stripped, err := rewritten(a.route.Route, a.in.Request.Path)
	if err != nil {
		return malformed(err.Error())
	}
	a.sent = path
	if stripped != "" { // so that the application can write addresses as people see them
		a.given = append(a.given, http1.Field{Name: "X-Forwarded-Prefix", Value: stripped})
	}
	return nil
}

// rewritten is what a route makes of a canonical path: a canonical path again, or errRewritten. stripped is what was taken
// away from its beginning, "" unless nothing took its place.
func rewritten(r *config.Route, path string) (sent, stripped string, err error) {
	switch w := &r.Rewrite; {
	case w.Prefix != "":
		match, _ := r.Match(path)
		if w.Prefix == "/" && match.Kind == config.PrefixPath && match.Text != "/" {
			stripped = match.Text
		}
		sent = inPlaceOf(path, match, w.Prefix)
	case w.Pattern != nil:
		sent = w.Pattern.ReplaceAllString(path, w.Replace)
	default:
		return path, "", nil
	}
	sent, err = canonicalPath(sent)
	if err != nil {
		return "", "", errRewritten
	}
	return sent, stripped, nil
}

// inPlaceOf puts a prefix in the place of what a path was matched by; an expression stays as it is.
func inPlaceOf(path string, match config.Path, prefix string) string {
	if match.Kind == config.PatternPath {
		return path
	}
	rest := path[min(len(path), len(strings.TrimSuffix(match.Text, "/"))):]
	if match.Kind == config.ExactPath {
		rest = ""
	}
	if made := strings.TrimSuffix(prefix, "/") + rest; made != "" {
		return made
	}
	return "/"
}
