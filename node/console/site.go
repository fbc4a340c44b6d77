package console

import (
	"net/url"
	"strings"

	"picket/node/config"
)

// site is the host that a request was sent to. One host may be both kinds.
type site struct {
	origin   config.Origin
	signsIn  bool // it is authenticate.url's
	forwards bool // some route is from it
}

// site finds the host by its authority, as the door wrote it. A route's own host goes before a wildcard, a longer
// wildcard before a shorter.
func (c *Console) site(authority string) (site, bool) {
	var s site
	if auth := c.config.Authenticate.URL; auth.Authority() == authority {
		s.origin, s.signsIn = auth, true
	}
	best := -1
	for i := range c.config.Routes {
		from := c.config.Routes[i].From
		fit := matches(from, authority)
		if fit <= best {
			continue
		}
		best, s.forwards = fit, true
		if !s.signsIn {
			s.origin = at(from, authority)
		}
	}
	return s, s.signsIn || s.forwards
}

// matches tells how well an origin fits an authority: -1 not at all, the more the better.
func matches(from config.Origin, authority string) int {
	full := from.Authority()
	if full == authority {
		return len(full) + 1
	}
	tail, wild := strings.CutPrefix(full, "*")
	if wild && len(authority) > len(tail) && strings.HasSuffix(authority, tail) {
		return len(tail)
	}
	return -1
}

// at is the origin with the star of a wildcard filled in.
func at(from config.Origin, authority string) config.Origin {
	from.Host = strings.TrimSuffix(authority, ":"+from.Port)
	return from
}

// route names the route that a path of this host belongs to, the most specific first; "" when there is none. It only
// chooses which identity providers are offered: who may open the path is decided by the door when the visitor is there.
func (c *Console) route(authority, path string) string {
	name, best, by := "", -1, config.Path{}
	for i := range c.config.Routes {
		r := &c.config.Routes[i]
		fit := matches(r.From, authority)
		p, takes := r.Match(path)
		if fit < 0 || fit < best || !takes || fit == best && p.Before(by) >= 0 {
			continue
		}
		name, best, by = r.Name, fit, p
	}
	return name
}

// home is where a sign-in ends that was for nothing in particular.
func (s site) home() string {
	if s.forwards {
		return "/"
	}
	return userPath
}

// local is the address on this host to return to, from a query: one leading slash, no backslash, nothing but visible
// ASCII, no other host. It is handed on as it came: written anew from its parts, "/%2f" can become "//". Anything else is
// home, and so is an address that signs in or out, which would go round in circles.
func (s site) local(text string) string {
	text, _, _ = strings.Cut(text, "#")
	if len(text) == 0 || text[0] != '/' || strings.HasPrefix(text, "//") || strings.ContainsFunc(text, unfit) {
		return s.home()
	}
	u, err := url.ParseRequestURI(text)
	if err != nil || u.Host != "" {
		return s.home()
	}
	switch u.Path {
	case signInPath, callbackPath, signOutPath, signedOutPath:
		return s.home()
	case "/":
		return s.home() + strings.TrimPrefix(text, "/")
	}
	return text
}

// unfit tells of characters that two parsers of an address could read differently.
func unfit(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }
