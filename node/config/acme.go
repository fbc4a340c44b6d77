package config

import (
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"time"
)

// ACME is how certificates are ordered (RFC 8555) for listeners whose certificates are automatic.
type ACME struct {
	Names      []string // hosts that need a certificate, "*." wildcards among them, sorted; none: nothing is ordered
	Directory  string   // URL
	Email      string   // "": the authority is given none
	CA         []byte   // PEM, trusted beside the system's for the directory
	EAB        EAB
	Profile    string   // of certificates, as the authority calls it; "": its own choice
	KeyType    string   // one of certmagic's: p256, p384, rsa2048, rsa4096
	Challenges []string // http-01, tls-alpn-01, dns-01: those that may be used
	DNS        DNS      // for dns-01
}

// EAB binds the account to one that the authority knows by other means (RFC 8555, section 7.3.4). Zero: none.
type EAB struct {
	KeyID string
	HMAC  string // base64url without padding
}

// DNS is where records are changed by DNS updates (RFC 2136). Zero: nowhere.
type DNS struct {
	Server       string        // HOST:PORT
	Zone         string        // lower case, without the dot at the end; "": the server is asked
	KeyName      string        // "": updates are not signed
	KeySecret    string        // base64
	KeyAlgorithm string        // hmac-sha256, …
	Propagation  time.Duration // that the zone's other servers need
}

const (
	letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"
	http01      = "http-01"
	tlsALPN01   = "tls-alpn-01"
	dns01       = "dns-01"
)

func acmeShape() shape {
	return shape{attributes: []string{"directory", "email", "ca", "eab", "profile", "key_type", "challenges", "dns"}}
}

// acme reads the block, and finds the names that need a certificate. Without a listener that asks for any it is zero.
func (b block) acme(c *Config) ACME {
	w := b.child("acme")
	a := ACME{
		Directory: letsEncrypt,
		Email:     w.text("email", ""),
		CA:        w.authorities("ca"),
		EAB:       w.eab(),
		Profile:   w.text("profile", ""),
		KeyType:   w.choice("key_type", "p256", "p384", "rsa2048", "rsa4096"),
		DNS:       w.dns(),
	}
	if word, ok := w.optional("directory"); ok {
		a.Directory = w.directory(word)
	}
	if strings.ContainsAny(a.Email, " ,<>\r\n") || a.Email != "" && !strings.Contains(a.Email, "@") {
		w.fail(badEmail, w.place("email"), "Write one address alone, such as \"ops@example.com\".")
	}
	a.Challenges = w.challenges(a, c.Listeners)
	if !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Auto }) {
		if !w.absent {
			w.warn(acmeIdle, w.at, "No listener asks for certificates. Write tls = \"auto\" in one, or leave acme out.")
		}
		return ACME{}
	}
	b.automatic(c, &a)
	return a
}

func (b block) directory(w word) string {
	u, err := b.url(w)
	switch {
	case err != nil:
		b.fail(badURL, w.at, "%s", sentence(err))
	case u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())):
		b.fail(plainHTTP, w.at, "An authority is asked over https. Write https://.")
	}
	return w.text
}

func (b block) eab() EAB {
	o := b.object("eab", "kid", "hmac")
	if o.absent {
		return EAB{}
	}
	var e EAB
	if w, ok := o.required("kid", "the authority gives it with the key"); ok {
		e.KeyID = w.text
	}
	if w, ok := o.required("hmac", "it proves that the key is yours"); ok {
		w = o.secret(w)
		plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(w.text, "="))
		if err != nil || len(plain) == 0 {
			o.fail(base64Broken, w.at, "hmac is base64url, as the authority gives it.")
		}
		e.HMAC = strings.TrimRight(w.text, "=")
	}
	return e
}

func (b block) dns() DNS {
	o := b.object("dns", "server", "zone", "key_name", "key_secret", "key_algorithm", "propagation")
	if o.absent {
		return DNS{}
	}
	d := DNS{
		KeyAlgorithm: o.choice("key_algorithm", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"),
		Propagation:  o.duration("propagation", 5*time.Second, 0),
	}
	if w, ok := o.required("server", "the zone's primary server, such as \"ns1.example.com:53\""); ok {
		d.Server = o.server(w)
	}
	if w, ok := o.optional("zone"); ok {
		d.Zone = o.zone(w)
	}
	if !o.has("key_name") {
		if o.has("key_secret") {
			o.fail(missingAttribute, o.place("key_secret"), "dns needs key_name beside key_secret: the server knows the key by it.")
		}
		return d
	}
	d.KeyName = o.text("key_name", "")
	if w, ok := o.required("key_secret", "updates are signed with it"); ok {
		w = o.secret(w)
		if _, err := base64.StdEncoding.DecodeString(w.text); err != nil || w.text == "" {
			o.fail(base64Broken, w.at, "key_secret is base64, as tsig-keygen gives it.")
		}
		d.KeySecret = w.text
	}
	return d
}

// server is HOST:PORT, the port 53 unless it is written.
func (b block) server(w word) string {
	text := w.text
	if host, err := hostName(strings.Trim(text, "[]")); err == nil {
		text = net.JoinHostPort(host, "53")
	}
	host, port, err := splitAddress(text)
	if err != nil || host == "" || port == 0 {
		b.fail(badAddress, w.at, "%.60q is no server. Write HOST or HOST:PORT.", w.text)
		return ""
	}
	return text
}

func (b block) zone(w word) string {
	zone, err := hostName(w.text)
	if err != nil {
		b.fail(badName, w.at, "%s", sentence(err))
		return ""
	}
	return zone
}

// challenges are those that may be used: as written; else dns-01 alone where a zone may be changed, since it works for any
// name; else what the listeners can answer.
func (b block) challenges(a ACME, listeners []Listener) []string {
	words, written := b.texts("challenges")
	plain := slices.ContainsFunc(listeners, func(l Listener) bool { return !l.TLS() })
	if !written {
		switch {
		case !b.absent && b.has("dns"):
			return []string{dns01}
		case plain:
			return []string{http01, tlsALPN01}
		}
		return []string{tlsALPN01}
	}
	known := []string{http01, tlsALPN01, dns01}
	var all []string
	for _, w := range words {
		switch {
		case !slices.Contains(known, w.text):
			b.fail(notOneOf, w.at, "challenges are of %s.%s", list(known), suggest(w.text, known))
		case w.text == dns01 && !b.has("dns"):
			b.fail(missingAttribute, w.at, "acme needs dns for dns-01: write dns = { server = \"ns1.example.com\", key_name = …, key_secret = … }.")
		case w.text == http01 && !plain:
			b.fail(missingBlock, w.at, "Nothing would answer http-01: the authority asks on port 80, without TLS. "+
				"Write listen \"http\" { address = \":80\", redirect = … }.")
		case !slices.Contains(all, w.text):
			all = append(all, w.text)
		}
	}
	if len(words) == 0 && !b.wrong("challenges") {
		b.fail(emptyValue, b.place("challenges"), "There must be one at least. Leave challenges out to have those that fit.")
	}
	return all
}

// automatic gathers the names that need a certificate: the https hosts of routes and of authenticate for which one of the
// listeners with automatic certificates has none of its own.
func (b block) automatic(c *Config, a *ACME) {
	ask := func(at block, attribute string, o Origin) {
		name := strings.Trim(o.Host, "[]")
		if !o.Secure() || name == "" || slices.Contains(a.Names, name) || !c.uncovered(name) {
			return
		}
		if b.orderable(at, attribute, name, *a) {
			a.Names = append(a.Names, name)
		}
	}
	for i, r := range b.children("route") {
		if i < len(c.Routes) {
			ask(r, "from", c.Routes[i].From)
		}
	}
	ask(b.child("authenticate"), "url", c.Authenticate.URL)
	a.Names = slices.DeleteFunc(a.Names, func(name string) bool {
		_, above, ok := strings.Cut(name, ".")
		return ok && !strings.HasPrefix(name, "*.") && slices.Contains(a.Names, "*."+above)
	})
	slices.Sort(a.Names)
}

// orderable tells whether a certificate for a name can be had, and reports it when not.
func (b block) orderable(at block, attribute, name string, a ACME) bool {
	rest, wild := strings.CutPrefix(name, "*.")
	byDNS := slices.Contains(a.Challenges, dns01)
	switch {
	case local(rest) && a.Directory == letsEncrypt:
		at.warn(certificateGap, at.place(attribute), "No authority vouches for %s, so none is asked: browsers will refuse it. "+
			"Give the listener a certificate of your own beside \"auto\", or name an authority of yours in acme.", name)
		return false
	case wild && !byDNS:
		at.fail(needsDNS, at.place(attribute), "A certificate for %s is issued only to who can change its zone (dns-01). "+
			"Write acme { dns = { server = \"ns1.example.com\", key_name = …, key_secret = … } }, or give the listener a certificate for it.", name)
		return false
	case byDNS && len(a.Challenges) == 1 && a.DNS.Zone != "" && rest != a.DNS.Zone && !strings.HasSuffix(rest, "."+a.DNS.Zone):
		at.fail(needsDNS, at.place(attribute), "%s is not in the zone %s, which acme.dns may change. Leave zone out when the server has several.", name, a.DNS.Zone)
		return false
	}
	return true
}
