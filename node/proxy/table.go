package proxy

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"picket/node/config"
)

// table is the route table: a map of hosts, then a tree of path segments. It is immutable once made. Finding a route
// costs time by the length of the host and the path, whatever the number of routes, and allocates nothing.
type table struct {
	exact   map[string]*site  // by host
	wild    map[string]*site  // by what follows "*." in a wildcard
	tunnels map[string]*route // that carry TCP, by HOST:PORT
}

// site is one host, or all hosts below a wildcard.
type site struct {
	origin config.Origin // scheme and port are the site's; the host may begin with "*."
	root   node          // of the routes' prefixes
	tcp    bool          // some route carries TCP
}

// node is one segment of the prefixes of a site.
type node struct {
	route *route // nil: no route ends here
	below map[string]*node
}

// newTable compiles the routes. The authenticate host is a site too, with no route of its own: zero for none.
func newTable(routes []*route, authenticate config.Origin) (*table, error) {
	t := &table{exact: make(map[string]*site), wild: make(map[string]*site), tunnels: make(map[string]*route)}
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
	if rest, ok := strings.CutPrefix(host, "*."); ok {
		sites, host = t.wild, rest
	}
	key, ok := canonicalHost(host)
	if !ok {
		return nil, fmt.Errorf("%q is no host", o.Host)
	}
	s := sites[key]
	if s == nil {
		s = &site{origin: o}
		sites[key] = s
	}
	if s.origin.Scheme != o.Scheme || s.origin.Port != o.Port {
		return nil, fmt.Errorf("%s and %s are one host with two addresses", s.origin, o)
	}
	return s, nil
}

// add hangs a route below its prefix.
func (s *site) add(r *route) error {
	path, err := canonicalPath(max(r.Prefix, "/"))
	if err != nil {
		return fmt.Errorf("prefix %q: %w", r.Prefix, err)
	}
	n := &s.root
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if segment != "" {
			n = n.child(segment)
		}
	}
	if n.route != nil {
		return fmt.Errorf("%s%s is taken by route %q", r.From, path, n.route.Name)
	}
	n.route = r
	return nil
}

// addTunnel notes a route that carries TCP.
func (t *table) addTunnel(s *site, r *route) error {
	if other := t.tunnels[r.Connect]; other != nil {
		return fmt.Errorf("%s is taken by route %q", r.Connect, other.Name)
	}
	t.tunnels[r.Connect], s.tcp = r, true
	return nil
}

// tunnel is the route that carries TCP for what a CONNECT request names; nil: none.
func (t *table) tunnel(a *ask) *route { return t.tunnels[net.JoinHostPort(a.host, a.port)] }

// child is the node of a segment below this one, made when it is new.
func (n *node) child(segment string) *node {
	c := n.below[segment]
	if c == nil {
		c = new(node)
		if n.below == nil {
			n.below = make(map[string]*node)
		}
		n.below[segment] = c
	}
	return c
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

// find gives the route of a canonical path: that of the longest prefix, by whole segments. Nil: none. clear is false when an
// application that takes a segment for its name and parameters (/admin;x, RFC 3986, section 3.3) would take the path for
// one of another route.
func (s *site) find(path string) (found *route, clear bool) {
	n, found := &s.root, s.root.route
	for len(path) > 1 && n.below != nil {
		segment := path[1:]
		if end := strings.IndexByte(segment, '/'); end >= 0 {
			segment = segment[:end]
		}
		if name := withoutParameters(segment); len(name) < len(segment) && n.below[name] != nil {
			return nil, false
		}
		n = n.below[segment]
		if n == nil {
			break
		}
		if n.route != nil {
			found = n.route
		}
		path = path[1+len(segment):]
	}
	return found, true
}

// withoutParameters is what stands before the first semicolon of a canonical segment, however it is spelt.
func withoutParameters(segment string) string {
	if i := strings.IndexByte(segment, ';'); i >= 0 {
		segment = segment[:i]
	}
	if i := strings.Index(segment, "%3B"); i >= 0 {
		segment = segment[:i]
	}
	return segment
}

// at is the origin of a host of this site: the one asked for, where the site is a wildcard.
func (s *site) at(host string) config.Origin {
	o := s.origin
	if strings.HasPrefix(o.Host, "*.") {
		o.Host = host
	}
	return o
}
