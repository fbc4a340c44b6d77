package config

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"
)

// known is what routes can refer to.
type known struct {
	identities []string
	rules      rules
	session    Session
	home       Origin // the authenticate host
}

func (b block) routes(k known) []Route {
	var all []Route
	places, patterns := taken{}, map[Origin][]pattern{}
	for _, r := range b.children("route") {
		route, sites := r.route(k)
		if route.From.Host != "" {
			places.claim(r, route, sites)
			patterns[route.From] = append(patterns[route.From], patternsOf(r, route, sites)...)
		}
		all = append(all, route)
	}
	overlaps(patterns)
	for i := range all {
		all[i].moveIn(all, k.home)
	}
	return all
}

// Address is the URL that a route is from, in the one form in which such are compared.
func (r Route) Address() string {
	if r.Connect != "" {
		if r.UDP {
			return udpPrefix + r.From.Scheme + "://" + r.Connect
		}
		return tcpPrefix + r.From.Scheme + "://" + r.Connect
	}
	return r.From.String() + r.Prefix
}

func (b block) route(k known) (Route, []place) {
	from, _ := b.required("from", "the URL that people visit, such as \"https://wiki.example.com\"")
	if carriesTCP(from.text) {
		r := b.tunnel(k, from)
		return r, []place{{Path{}, b.place("from")}}
	}
	r := Route{
		Name:        b.name,
		Identities:  b.references("identity", "identity", k.identities),
		Session:     b.stricter(k.session),
		Host:        b.child("rewrite").upstreamHost(),
		WebSocket:   b.flag("websocket", false),
		Upgrade:     b.upgrades(),
		Timeout:     b.duration("timeout", 30*time.Second, 0),
		IdleTimeout: b.duration("idle_timeout", 5*time.Minute, 0),
		BodyLimit:   b.size("body_limit", 0, 0, math.MaxInt64),

		CORSPreflight: b.flag("cors_preflight", false),

		Methods: b.methods(),
		Client:  b.clientCertificates(),
		Limit:   b.rateLimit(),
	}
	r.From, r.Prefix = b.from(from)
	var places []place
	r.Paths, places = b.paths(orText(r.Prefix, "/"))
	answers := b.answers(&r)
	if !answers {
		r.To = b.upstreams("http://10.0.0.5:8080", b.upstream)
	}
	r.Rewrite = b.child("rewrite").rewrite(&r)
	r.Access, r.Policies = b.access(k.rules, answers)
	if !answers {
		r.Upstream = b.chosen(r.To, r.Access == Public)
	}
	r.Shadow = b.shadows(k.rules, r.Policies)
	if !answers {
		r.Assertion = b.child("assertion").assertion(r.From.Host)
	}
	r.IdentityHeaders = b.identityHeaders(r.setByBlocks(), k.rules.options)
	r.RequestHeaders = b.requestHeaders(k.rules.options, r.setElsewhere())
	r.ResponseHeaders = b.responseHeaders(k.rules.options)
	return r, places
}

// from is the URL that a route is for.
func (b block) from(w word) (Origin, string) {
	if w.text == "" {
		return Origin{}, "" // reported
	}
	origin, path, ok := b.front(w, true)
	if !ok {
		return Origin{}, ""
	}
	prefix, err := pathPrefix(path)
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return Origin{}, ""
	}
	if ours(prefix) {
		b.fail(reservedPath, w.at, ownPaths)
	}
	b.doubtStar(w, prefix)
	return origin, prefix
}

// upstreams are the origins that a route's requests go to, each as parse reads it.
func (b block) upstreams(example string, parse func(word) (string, bool)) []string {
	words, written := b.texts("to")
	if !written {
		b.without("to", fmt.Sprintf("the upstream that answers, such as %q", example))
		return nil
	}
	var all []string
	for _, w := range words {
		if origin, ok := parse(w); ok {
			all = append(all, origin)
		}
	}
	if len(words) == 0 && !b.wrong("to") {
		b.fail(emptyValue, b.place("to"), "There must be one upstream at least, such as %q.", example)
	}
	return all
}

func (b block) upstream(w word) (string, bool) {
	if origin, is, err := socketOf(w.text); is {
		return b.orFail(w, origin, err)
	}
	u, err := b.url(w)
	if err == nil && u.Scheme == "tcp" {
		b.fail(badURL, w.at, "TCP is carried where people ask for it: write from = \"tcp+https://HOST:PORT\", or an upstream with http://.")
		return "", false
	}
	var origin Origin
	if err == nil {
		origin, err = upstreamOf(u)
	}
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return "", false
	}
	if u.Path != "" && u.Path != "/" {
		b.fail(badURL, w.at, "An upstream has no path: requests keep the path that they come with. Write %q.", origin)
		return "", false
	}
	return origin.String(), true
}

// orFail is an origin, unless it could not be read, which is reported.
func (b block) orFail(w word, origin string, err error) (string, bool) {
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return "", false
	}
	return origin, true
}

// upstreamOf is the origin of an upstream: h2c is HTTP/2 without TLS, on the same ports as http.
func upstreamOf(u *url.URL) (Origin, error) {
	plain := *u
	if u.Scheme == "h2c" {
		plain.Scheme = "http"
	}
	if plain.Scheme != "http" && plain.Scheme != "https" {
		return Origin{}, fmt.Errorf("%.20q is not a scheme for this. Write http://, https://, or h2c:// (HTTP/2 without TLS, as gRPC has it)", u.Scheme)
	}
	origin, err := originOf(&plain, false)
	origin.Scheme = u.Scheme
	return origin, err
}

// upstreamHost is the Host that the upstream sees: "upstream", "preserve", or a name.
func (b block) upstreamHost() string {
	w, ok := b.optional("host")
	if !ok || w.text == "upstream" || w.text == "preserve" {
		return orText(w.text, "upstream")
	}
	u, err := url.Parse("//" + w.text)
	if err == nil && u.Host == w.text && u.User == nil {
		_, err = hostName(u.Hostname())
	}
	if err != nil || u.Host != w.text {
		b.fail(notOneOf, w.at, "host is \"upstream\", \"preserve\" or the name of a host.%s", suggest(w.text, []string{"upstream", "preserve"}))
		return "upstream"
	}
	if near := nearest(w.text, []string{"upstream", "preserve"}); near != "" && !strings.Contains(w.text, ".") {
		b.fail(notOneOf, w.at, "host is \"upstream\", \"preserve\" or the name of a host. Did you mean %q?", near)
	}
	return w.text
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
