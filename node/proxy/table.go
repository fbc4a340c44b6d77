package proxy

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// table is the route table: a map of hosts, then a tree of path segments (tree.go). It is immutable once made. Finding a
// route costs time by the length of the host and the path, whatever the number of routes, and allocates nothing.
type table struct {
	exact   map[string]*site  // by host
	wild    map[string]*site  // by what follows "*." in a wildcard
	written map[string]*site  // by the ways in which most clients write the exact hosts
	tunnels map[string]*route // that carry TCP, by HOST:PORT
}

// site is one host, or all hosts below a wildcard.
type site struct {
	origin  config.Origin  // scheme and port are the site's; the host may begin with "*."
	host    string         // canonical; of a wildcard, what follows "*."
	wild    bool           // it is all hosts below that
	root    node           // of the routes' paths
	named   []string       // methods that routes name, sorted
	tcp     bool           // some route carries TCP
	told    [2]http1.Field // what applications are told of the origin; the host is left out below a wildcard
	cookies [2]string      // names of ours there: of the session, and of what a sign-in is bound to
}

// newTable compiles the routes. The authenticate host is a site too, with no route of its own: zero for none.
func newTable(routes []*route, authenticate config.Origin) (*table, error) {
	t := &table{exact: make(map[string]*site), wild: make(map[string]*site), written: make(map[string]*site), tunnels: make(map[string]*route)}
	var mistakes []error
	for _, r := range routes {
		s, err := t.site(r.From)
		switch {
		case err != nil:
		case r.Connect != "":
			err = t.addTunnel(s, r)
		default:
			err = s.add(r)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("route %q: %w", r.Name, err))
		}
	}
	for _, sites := range []map[string]*site{t.exact, t.wild} {
		for _, s := range sites {
			s.root.tie(nil)
		}
	}
	if authenticate.Host != "" {
		if _, err := t.site(authenticate); err != nil {
			mistakes = append(mistakes, fmt.Errorf("authenticate: %w", err))
		}
	}
	return t, errors.Join(mistakes...)
}

// site gives the site of an origin, made when it is new. One host has one scheme and one port: a Host header says
// neither for sure.
func (t *table) site(o config.Origin) (*site, error) {
	sites, host := t.exact, strings.ToLower(o.Host)
	rest, wild := strings.CutPrefix(host, "*.")
	if wild {
		sites, host = t.wild, rest
	}
	key, ok := canonicalHost(host)
	if !ok {
		return nil, fmt.Errorf("%q is no host", o.Host)
	}
	s := sites[key]
	if s == nil {
		s = &site{
			origin: o, host: key, wild: wild,
			told:    [2]http1.Field{http1.NewField("X-Forwarded-Proto", o.Scheme), http1.NewField("X-Forwarded-Host", "")},
			cookies: [2]string{authn.CookieName(o), authn.BindingName(o)},
		}
		if !wild {
			s.told[1], _ = s.told[1].With(o.Authority())
			t.note(s, o.Host)
			t.note(s, o.Authority())
		}
		sites[key] = s
	}
	if s.origin.Scheme != o.Scheme || s.origin.Port != o.Port {
		return nil, fmt.Errorf("%s and %s are one host with two addresses", s.origin, o)
	}
	return s, nil
}

// addTunnel notes a route that carries TCP.
func (t *table) addTunnel(s *site, r *route) error {
	key := tunnelKey(r.Connect, r.UDP)
	if other := t.tunnels[key]; other != nil {
		return fmt.Errorf("%s is taken by route %q", r.Connect, other.Name)
	}
	t.tunnels[key], s.tcp = r, true
	return nil
}

// tunnel is the route that carries TCP, or datagrams, for what a CONNECT request names; nil: none.
func (t *table) tunnel(a *ask) *route {
	return t.tunnels[tunnelKey(net.JoinHostPort(a.host, a.port), a.datagrams)]
}

func tunnelKey(name string, datagrams bool) string {
	if datagrams {
		return "udp " + name
	}
	return name
}

// note has hostOf know a way of writing the host of a site.
func (t *table) note(s *site, authority string) {
	if host, ok := hostOf(authority); ok && host == s.host {
		t.written[authority] = s
	}
}

// hostOf is hostOf, and mostly cheaper: then it gives the host's site as well; nil: that is to be looked for.
func (t *table) hostOf(authority string) (host string, s *site, ok bool) {
	if s = t.written[authority]; s != nil {
		return s.host, s, true
	}
	host, ok = hostOf(authority)
	return host, nil, ok
}

// find gives the site of a canonical host: its own, or that of the longest wildcard above it. Nil: none.
func (t *table) find(host string) *site {
	if s := t.exact[host]; s != nil {
		return s
	}
	for rest := host; len(t.wild) > 0; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			break
		}
		rest = rest[dot+1:]
		if s := t.wild[rest]; s != nil {
			return s
		}
	}
	return nil
}

// at is the origin of a host of this site: the one asked for, where the site is a wildcard.
func (s *site) at(host string) config.Origin {
	o := s.origin
	if s.wild {
		o.Host = host
	}
	return o
}

// tell adds what an application is told of the origin of a request.
func (s *site) tell(to http1.Fields, asked config.Origin) http1.Fields {
	if !s.wild {
		return append(to, s.told[:]...)
	}
	host, _ := s.told[1].With(asked.Authority())
	return append(to, s.told[0], host)
}
