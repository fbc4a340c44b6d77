package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// What can be checked only when everything has been read.

// whole reads all blocks, in the order in which they need each other.
func (b block) whole() *Config {
	c := &Config{Cluster: b.cluster(), Admin: b.admin(), Session: b.session()}
	c.Telemetry = b.telemetry(c.Cluster.Broker)
	c.Listeners = b.listeners()
	c.Authenticate = b.authenticate()
	c.Identities = b.identities()
	c.Data = b.data()
	rules := b.rules(c.Data)
	c.Policies, c.Tests = rules.set, b.tests(rules)
	c.Routes = b.routes(known{names(c.Identities), rules, c.Session, c.Authenticate.URL})
	b.signIn(c)
	c.ACME = b.acme(c)
	b.covered(c)
	b.clients(c)
	b.unasked(c)
	b.empty(c)
	return c
}

func names(identities []Identity) []string {
	var all []string
	for _, i := range identities {
		all = append(all, i.Name)
	}
	return all
}

func (b block) empty(c *Config) {
	if len(c.Routes) == 0 && !b.partial {
		b.warn(noRoutes, b.start, "Every request will be answered with 404. Write route \"NAME\" { from = … to = … policy = … }.")
	}
}

// signIn checks that people can sign in where a route asks them to.
func (b block) signIn(c *Config) {
	routes := b.children("route")
	i := 0
	for i < len(c.Routes) && (c.Routes[i].Access == Public || routes[i].misspelt("public")) {
		i++
	}
	if i == len(c.Routes) {
		return
	}
	first := routes[i]
	if len(c.Identities) == 0 && !b.misspelt("identity") {
		b.lack(nobodyCanSignIn, first.at, "%s asks who someone is, and no identity block says who could tell. "+
			"Write identity \"NAME\" { kind = \"oidc\" … }.", first)
	}
	if b.child("authenticate").absent && !b.misspelt("authenticate") {
		b.lack(nobodyCanSignIn, first.at, "%s asks who someone is, and there is no host to sign in on. "+
			"Write authenticate { url = \"https://…\" }.", first)
	}
}

// uncovered tells whether a name needs a certificate that is ordered: a listener that may order one has none of its own.
func (c *Config) uncovered(name string) bool {
	for _, l := range c.Listeners {
		if l.Auto && l.Redirect == "" && !covers(pairsOf(l), name) {
			return true
		}
	}
	return false
}

// pairsOf are a listener's own certificates.
func pairsOf(l Listener) (pairs []tls.Certificate) {
	for _, written := range l.Certificates {
		if pair, err := tls.X509KeyPair(written.Chain, written.Key); err == nil {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// covers tells whether one of the certificates is for a host, which may be a wildcard.
func covers(pairs []tls.Certificate, host string) bool {
	name := strings.Replace(host, "*", "any", 1)
	return slices.ContainsFunc(pairs, func(p tls.Certificate) bool { return p.Leaf.VerifyHostname(name) == nil })
}

// covered warns of hosts that no certificate is for, when picket itself speaks TLS on every listener.
func (b block) covered(c *Config) {
	var pairs []tls.Certificate
	for i, l := range c.Listeners {
		if l.Redirect != "" {
			continue
		}
		if l.Auto || !b.children("listen")[i].has("tls") {
			return
		}
		pairs = append(pairs, pairsOf(l)...)
	}
	if len(pairs) == 0 {
		return
	}
	for i, r := range b.children("route") {
		r.coveredBy(pairs, c.Routes[i].From, "from")
	}
	b.child("authenticate").coveredBy(pairs, c.Authenticate.URL, "url")
}

func (b block) coveredBy(pairs []tls.Certificate, o Origin, attribute string) {
	if o.Scheme != "https" || covers(pairs, strings.Trim(o.Host, "[]")) {
		return
	}
	b.warn(certificateGap, b.place(attribute), "None of the listeners' certificates is for %s: browsers will refuse it.", o.Host)
}
