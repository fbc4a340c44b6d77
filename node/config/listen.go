package config

import (
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func (b block) listeners() []Listener {
	blocks := b.children("listen")
	if len(blocks) == 0 {
		b.missing("listen", "There is nothing to listen on. Write listen \"https\" { address = \":443\" … }.")
	}
	var all []Listener
	for _, l := range blocks {
		all = append(all, l.listener())
	}
	for i, l := range blocks {
		l.redirection(all[i], all)
	}
	return all
}

func (b block) listener() Listener {
	limits := b.child("limits")
	l := Listener{
		Name:           b.name,
		Redirect:       b.text("redirect", ""),
		TrustedProxies: b.networks("trusted_proxies"),
		Client:         b.clientCertificates(),
		ProxyProtocol:  b.networks("proxy_protocol"),
		HTTP3:          b.flag("http3", false),
		HeaderBytes:    int(limits.size("header_bytes", 64<<10, 1<<10, 16<<20)),
		Headers:        limits.between("headers", 200, 10, 10_000),
		HeaderTimeout:  limits.duration("header_timeout", 10*time.Second, time.Millisecond),
		IdleTimeout:    limits.duration("idle_timeout", 5*time.Minute, time.Millisecond),
		BodyRate:       limits.size("body_rate", 100, 0, 1<<30),
		Streams:        limits.between("streams", 250, 1, 10_000),
		Connections:    limits.connections(),
	}
	l.Certificates, l.Auto = b.certificates()
	b.overUDP(l)
	if w, ok := b.required("address", "where people reach it, such as \":443\""); ok {
		l.Address = b.socket(b.String(), w)
	}
	return l
}

// redirection checks where a listener sends people to: one that serves routes.
func (b block) redirection(l Listener, all []Listener) {
	if l.Redirect == "" {
		return
	}
	var names []string
	for _, other := range all {
		if other.Name == l.Redirect && other.Redirect == "" {
			return
		}
		if other.Name == l.Redirect {
			b.fail(badRedirect, b.place("redirect"), "listen %q redirects too: people would never arrive.", l.Redirect)
			return
		}
		names = append(names, other.Name)
	}
	b.lack(badRedirect, b.place("redirect"), "There is no listener %q.%s", l.Redirect, suggest(l.Redirect, names))
}

// certificates reads tls: "auto", an object of certificate and key, or a list of those.
func (b block) certificates() (all []Certificate, auto bool) {
	if !b.has("tls") {
		return nil, false
	}
	expr := b.body.Attributes["tls"].Expr
	written := []hclsyntax.Expression{expr}
	switch e := expr.(type) {
	case *hclsyntax.TupleConsExpr:
		written = e.Exprs
	}
	if len(written) == 0 {
		b.fail(emptyValue, expr.Range(), "tls has no certificate. Leave tls out when a balancer in front speaks TLS.")
	}
	for _, e := range written {
		if _, object := e.(*hclsyntax.ObjectConsExpr); !object {
			auto = b.auto(e) || auto
		} else if c, ok := b.certificate(e); ok {
			all = append(all, c)
		}
	}
	return all, auto
}

// auto tells whether an expression says "auto".
func (b block) auto(expr hclsyntax.Expression) bool {
	v, ok := b.value(expr)
	if ok && v.Type() == cty.String && v.AsString() == "auto" {
		return true
	}
	if ok {
		b.fail(wrongType, expr.Range(), "Write \"auto\", or { certificate = file(\"PATH\"), key = file(\"PATH\") }, or a list of such. "+
			"Leave tls out when a balancer in front speaks TLS.")
	}
	return false
}

// certificate reads a chain and its key, and checks that they belong together.
func (b block) certificate(expr hclsyntax.Expression) (c Certificate, ok bool) {
	parts := map[string]word{}
	known := []string{"certificate", "key"}
	entries := b.entries(expr)
	for _, e := range entries {
		w, ok := b.word(e.value)
		if e.key.text != "certificate" && e.key.text != "key" {
			b.fail(unknownAttribute, e.key.at, "There is no attribute %q in tls.%s", e.key.text, suggest(e.key.text, known))
		} else if ok {
			parts[e.key.text] = w
		} else {
			parts[e.key.text] = word{}
		}
	}
	if _, object := expr.(*hclsyntax.ObjectConsExpr); !object {
		return c, false
	}
	for _, name := range known {
		if _, written := parts[name]; !written {
			b.lack(missingAttribute, expr.Range(), "tls needs %s: write %s = file(\"PATH\").", name, name)
		}
	}
	return b.pair(expr, parts["certificate"], parts["key"])
}

// pair parses a chain and its key. A word that could not be read has no expression, and was reported.
func (b block) pair(expr hclsyntax.Expression, certificate, key word) (c Certificate, ok bool) {
	if key.expr != nil {
		b.guard(key)
	}
	if certificate.expr == nil || key.expr == nil {
		return c, false
	}
	chain, chainErr := parseChain([]byte(certificate.text))
	if chainErr != nil {
		b.fail(badPEM, certificate.at, "%s", sentence(chainErr))
	}
	private, keyErr := parseKey([]byte(key.text))
	if keyErr != nil {
		b.fail(badPEM, key.at, "%s", sentence(keyErr))
	}
	if chainErr != nil || keyErr != nil {
		return c, false
	}
	if !belong(chain[0], private) {
		b.fail(keyMismatch, expr.Range(), "The key is not the one that the first certificate was made for. "+
			"The host's own certificate comes first in the file, then those that signed it.")
		return c, false
	}
	b.expiry(chain[0], certificate.at)
	return Certificate{Chain: []byte(certificate.text), Key: []byte(key.text)}, true
}
