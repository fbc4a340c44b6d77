package pomerium

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"picket/node/config"
)

var (
	hostForm   = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
	prefixForm = regexp.MustCompile(`^(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?$`)
)

// where reads where people find a route, and what stands behind it.
func (rr *routeReader) where(r *route, v value) {
	from := v.get("from")
	if from.line == 0 || !v.has("from") {
		r.drop("it has no from")
		r.outside = true
	} else {
		rr.ledger.keep(from.line, "from")
		rr.from(r, from)
	}
	if name := v.get("name"); name.kind == scalar && label(name.text) != "" {
		r.name = label(name.text)
		rr.ledger.keep(name.line, "name")
	}
	rr.paths(r, v)
	rr.upstreams(r, v)
}

// from is the host that people visit.
func (rr *routeReader) from(r *route, v value) {
	u, err := url.Parse(v.text)
	if err != nil || v.kind != scalar || u.Host == "" {
		r.drop("from is not a URL such as https://wiki.example.com")
		r.outside = true
		return
	}
	r.name = cmp.Or(label(firstLabel(u.Hostname())), "route")
	switch u.Scheme {
	case "https":
	case "http":
		rr.ledger.tell(v.line, "from", "Pomerium serves it over https, and so does picket")
	case "tcp+https":
		r.drop("routes for TCP are not carried over: write from = \"tcp+https://HOST:PORT\" and to = [\"tcp://HOST:PORT\"] by hand, and see `picket connect --help`")
		r.outside = true
		return
	default:
		r.drop("this version of picket has no " + oneLine(u.Scheme) + "://")
		r.outside = true
		return
	}
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err == nil || !hostForm.MatchString(host) || len(host) > 253 {
		r.drop("picket has names of hosts there, with a star for the first label at most")
		r.outside = true
		return
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		r.drop("from has more than a host; Pomerium does not take it either")
		r.outside = true
		return
	}
	r.from = "https://" + host
	if port := u.Port(); port != "" && port != "443" {
		if !portNumber(port) {
			r.drop("from has no port that there could be")
			r.outside = true
			return
		}
		r.from += ":" + strings.TrimLeft(port, "0")
	}
}

func portNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// firstLabel is the first part of a host's name that is no star.
func firstLabel(host string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(host, "*."), ".")
	return first
}

// paths reads which paths are the route's.
func (rr *routeReader) paths(r *route, v value) {
	for name, to := range map[string]*string{"prefix": &r.match.prefix, "path": &r.match.path, "regex": &r.match.regex} {
		if p := v.get(name); p.kind == scalar {
			*to = p.text
			rr.ledger.keep(p.line, name)
		}
	}
	if order := v.get("regex_priority_order"); order.kind == scalar {
		if n, err := strconv.ParseInt(order.text, 10, 64); err == nil {
			r.match.priority, r.match.prior = n, true
		}
	}
	if r.match.prefix == "/" {
		r.match.prefix = ""
	}
	rr.narrow(r, v)
}

// narrow finds the place that picket has a route at, and refuses what of it is not the route's.
func (rr *routeReader) narrow(r *route, v value) {
	text := "/"
	switch m := r.match; m.kind() {
	case byRegex:
		prefix, ok := m.literalPrefix()
		if !ok {
			r.drop("its regular expression is none that picket could read (RE2)")
			return
		}
		if place, ok := m.pattern(); ok {
			r.at(place)
			return
		}
		text = prefix
		rr.only(r, v.get("regex").line, "regex")
	case byPath:
		text = "=" + m.path
	case byPrefix:
		text = m.prefix
		if strings.HasSuffix(m.prefix, "/") {
			rr.ledger.tell(v.get("prefix").line, "prefix", "picket has the path without the slash at the end there as well")
		}
	}
	rr.possible(r, strings.TrimPrefix(text, "="))
	if place, err := config.ParsePath(text, "/"); err == nil {
		r.at(place)
	} else {
		r.drop("picket has no route there: " + err.Error())
	}
}

// at puts a route at a place.
func (r *route) at(place config.Path) {
	r.place, r.prefix = place, place.Below
	if place.Kind == config.ExactPath || place.Kind == config.PrefixPath {
		r.prefix = strings.TrimSuffix(place.Text, "/")
	}
	if r.prefix == "" {
		r.prefix = "/"
	}
}

// only refuses other paths.
func (rr *routeReader) only(r *route, line int, setting string) {
	r.paths = append(r.paths, condition{line, setting, r.match.test()})
	rr.ledger.tell(line, setting, "picket has no such expression for paths: what else is below "+orSlash(r.match)+" is refused")
}

// orSlash is what all paths of a regular expression begin with.
func orSlash(m match) string {
	prefix, _ := m.literalPrefix()
	return prefix
}

// possible drops a route at a path where picket cannot have one.
func (rr *routeReader) possible(r *route, path string) {
	if !prefixForm.MatchString(path) {
		r.drop("picket has no route at a path with empty segments, or characters that are percent-encoded")
		return
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			r.drop("no path has . or .. in it when a route is looked for")
		}
	}
	for _, own := range []string{"/.picket", "/.well-known/picket"} {
		if path == own || strings.HasPrefix(path, own+"/") {
			r.drop("picket answers that path itself, on every host")
		}
	}
}

// upstreams reads what stands behind a route.
func (rr *routeReader) upstreams(r *route, v value) {
	to := v.get("to")
	items, ok := to.texts()
	if !ok || len(items) == 0 {
		if v.get("redirect").kind == nothing && v.get("response").kind == nothing {
			r.drop("it has no upstream")
		}
		return
	}
	rr.ledger.keep(to.line, "to")
	for _, item := range items {
		written, weight, weighted := strings.Cut(item.text, ",")
		if weighted {
			rr.weight(r, item, weight)
		}
		origin, why := upstream(written)
		if why != "" {
			r.drop(why)
			continue
		}
		r.to = append(r.to, origin)
	}
}

// upstream is scheme and host of a URL, or why picket cannot have it behind a route.
func upstream(written string) (origin, why string) {
	if path, ok := strings.CutPrefix(written, "unix://"); ok && strings.HasPrefix(path, "/") && len(path) <= 100 && oneLine(path) == path {
		return "unix:" + path, ""
	}
	u, err := url.Parse(written)
	switch {
	case err != nil || u.Host == "" && u.Scheme != "unix":
		return "", "an upstream is not a URL such as http://10.0.0.5:8080"
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c":
		return "", "this version of picket has no upstreams at " + oneLine(u.Scheme) + "://"
	case u.Path != "" && u.Path != "/":
		return "", "an upstream of picket has no path: this one would show more than what is below " + oneLine(u.Path)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || strings.Contains(written, "#"):
		return "", "an upstream of picket is a scheme and a host alone"
	case u.Port() != "" && !portNumber(u.Port()):
		return "", "an upstream has no port that there could be"
	}
	name := u.Hostname()
	if ip, err := netip.ParseAddr(name); (err != nil || ip.Zone() != "") && (!hostForm.MatchString(name) || strings.HasPrefix(name, "*") || len(name) > 253) {
		return "", "an upstream has a name that no host has"
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), ""
}
