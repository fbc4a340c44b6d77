package config

import (
	"crypto/x509"
	"net"
	"net/netip"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// ClientCertificates is what clients are to show when TLS is agreed on, of a listener or of a route.
type ClientCertificates struct {
	Ask         CertificateAsk
	Authorities []*x509.Certificate // that may have issued them; none, of a route: those of the listener, with their lists
	Revoked     []*x509.RevocationList
	Depth       int               // how many certificates may lead from an authority to the client's, which is counted; 0: any number
	Names       []CertificateName // one of which it must have; none: any
}

// CertificateAsk is whether clients are asked for a certificate.
type CertificateAsk string

// What is asked. A listener that requires one agrees on TLS with nobody else; a route refuses the request.
const (
	NotAsked  CertificateAsk = ""
	Requested CertificateAsk = "request" // policies see whether it is valid
	Required  CertificateAsk = "require"
)

// NameKind is a kind of subject alternative name (RFC 5280, section 4.2.1.6).
type NameKind string

// The kinds of names.
const (
	NameDNS   NameKind = "dns"
	NameEmail NameKind = "email"
	NameURI   NameKind = "uri"
	NameIP    NameKind = "ip"
)

// CertificateName is a name that a certificate may have, or a pattern of such names.
type CertificateName struct {
	Kind    NameKind
	Text    string         // exact, a host in lower case; "": by Pattern or Network
	Pattern *regexp.Regexp // for the whole name
	Network netip.Prefix   // of NameIP
}

// Matches tells whether a name, but of NameIP, is the one that is meant.
func (n CertificateName) Matches(name string) bool {
	if n.Pattern != nil {
		return n.Pattern.MatchString(name)
	}
	return n.Text != "" && n.Text == name
}

// Contains tells whether an address is the one that is meant.
func (n CertificateName) Contains(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	return ok && n.Network.IsValid() && n.Network.Contains(addr.Unmap())
}

// clientAttributes are those that say what clients are to show.
func clientAttributes() []string {
	return []string{"client_ca", "client_certificate", "client_crl", "client_depth", "client_san"}
}

// clientCertificates reads them.
func (b block) clientCertificates() ClientCertificates {
	c := ClientCertificates{Names: b.certificateNames()}
	if b.has("client_certificate") {
		c.Ask = CertificateAsk(b.choice("client_certificate", string(Requested), string(Required)))
	}
	if n, ok := b.count("client_depth", 0); ok {
		if n < 1 {
			b.fail(outOfRange, b.place("client_depth"), "client_depth is at least 1: a certificate that was issued by one of client_ca itself.")
		}
		c.Depth = n
	}
	if w, ok := b.optional("client_ca"); ok {
		all, err := parseChain([]byte(w.text))
		if err != nil {
			b.fail(badPEM, w.at, "%s", sentence(err))
		}
		for _, authority := range all {
			b.expiry(authority, w.at)
		}
		c.Authorities = all
	}
	c.Revoked = b.revoked(c.Authorities)
	return c
}

// certificateNames reads client_san: an object of texts, or lists of them, by kind.
func (b block) certificateNames() []CertificateName {
	kinds := []NameKind{NameDNS, NameEmail, NameURI, NameIP}
	written := b.object("client_san", "dns", "email", "uri", "ip")
	var all []CertificateName
	for _, kind := range kinds {
		words, _ := written.texts(string(kind))
		for _, w := range words {
			if n, ok := b.certificateName(kind, w); ok {
				all = append(all, n)
			}
		}
	}
	if len(all) == 0 && b.has("client_san") && !b.wrong("client_san") {
		b.fail(emptyValue, b.place("client_san"), "There must be one name at least, such as { dns = \"printer.example.com\" }.")
	}
	return all
}

// certificateName reads one name: as it stands, or after ~ an RE2 expression for the whole of it.
func (b block) certificateName(kind NameKind, w word) (n CertificateName, ok bool) {
	n.Kind = kind
	pattern, isPattern := strings.CutPrefix(w.text, "~")
	switch {
	case w.text == "":
		b.fail(emptyValue, w.at, "An empty name is none.")
		return n, false
	case kind == NameIP:
		return b.certificateNetwork(n, w)
	case isPattern:
		if _, err := regexp.Compile(pattern); err != nil { // alone: it must not end the group around it
			b.fail(badPattern, w.at, "%s.", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			return n, false
		}
		compiled, err := regexp.Compile("^(?:" + pattern + ")$")
		n.Pattern = compiled
		return n, err == nil
	case strings.Contains(w.text, "*"):
		b.fail(badPattern, w.at, "A star means nothing here. After ~ stands an RE2 expression for the whole name, as in \"~[a-z]+[.]example[.]com\".")
		return n, false
	}
	n.Text = w.text
	if kind == NameDNS {
		n.Text = strings.ToLower(strings.TrimSuffix(w.text, "."))
	}
	return n, true
}

func (b block) certificateNetwork(n CertificateName, w word) (CertificateName, bool) {
	network, err := netip.ParsePrefix(w.text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(w.text)
		if addrErr != nil || addr.Zone() != "" {
			b.fail(badNetwork, w.at, "%.60q is neither an IP address nor a network, such as \"10.0.0.0/8\".", w.text)
			return n, false
		}
		addr = addr.Unmap()
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	n.Network = network.Masked()
	return n, true
}

// clients checks, when all is read, that what is asked of clients can be asked, and is meant.
func (b block) clients(c *Config) {
	routes := b.children("route")
	asked := false // a route asks for what the listeners' authorities issued
	for i, r := range c.Routes {
		asked = asked || r.Client.Ask != NotAsked && len(r.Client.Authorities) == 0
		routes[i].askedOfRoute(r, c.Listeners)
	}
	for i, l := range b.children("listen") {
		l.askedOfListener(c.Listeners[i], asked)
	}
}

func (b block) askedOfListener(l Listener, byRoutes bool) {
	first, any := b.firstOf(clientAttributes())
	switch {
	case !any:
	case !b.has("tls"):
		b.fail(noTLS, first, "Certificates are shown when TLS is agreed on, and %s does not speak it. Give it tls, or leave this out.", b)
	case !b.has("client_ca") && l.Client.Ask == Required:
		b.fail(missingAttribute, b.place("client_certificate"), "%s requires certificates and trusts nobody to issue them. Write client_ca = file(\"PATH\").", b)
	case !b.has("client_ca") && b.hasAny("client_crl", "client_depth", "client_san"):
		b.fail(missingAttribute, first, "%s needs client_ca for this: the certificates of those who may issue certificates to clients, in PEM.", b)
	case l.Client.Ask == NotAsked && !byRoutes && !b.wrong("client_certificate"):
		b.fail(missingAttribute, b.place("client_ca"), "Nobody is asked for a certificate. Write client_certificate = \"require\" or \"request\", here or in a route.")
	}
}

func (b block) askedOfRoute(r Route, listeners []Listener) {
	first, any := b.firstOf(clientAttributes())
	switch {
	case !any:
	case r.From.Scheme == "http":
		b.fail(noTLS, first, "Certificates are shown when TLS is agreed on, and this is a route from http.")
	case r.Client.Ask == NotAsked:
		if !b.wrong("client_certificate") {
			b.fail(missingAttribute, first, "Nobody is asked for a certificate. Write client_certificate = \"require\" or \"request\".")
		}
	case len(r.Client.Authorities) > 0 || b.has("client_ca"):
	case b.has("client_crl"):
		b.fail(missingAttribute, b.place("client_crl"), "A list belongs to authorities: give %s a client_ca of its own, or the listener the list.", b)
	case r.Client.Ask == Required:
		for _, l := range listeners {
			if len(l.Client.Authorities) > 0 {
				return
			}
		}
		b.lack(missingAttribute, b.place("client_certificate"), "%s requires certificates, and nobody is trusted to issue them. "+
			"Write client_ca = file(\"PATH\"), here or in the listener.", b)
	}
}

// firstOf is where the first of some attributes is written.
func (b block) firstOf(names []string) (at hcl.Range, any bool) {
	for _, name := range names {
		if b.has(name) {
			return b.body.Attributes[name].NameRange, true
		}
	}
	return at, false
}

func (b block) hasAny(names ...string) bool {
	_, any := b.firstOf(names)
	return any
}
