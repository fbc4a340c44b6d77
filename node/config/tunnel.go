package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// A route from tcp+https:// carries TCP: a program asks the door for HOST:PORT by CONNECT, and what it sends then goes to
// the upstream as it stands. People sign in for it on the pages of its host, which are where the host's other routes are. A
// route from udp+https:// does the same with datagrams, by CONNECT-UDP (RFC 9298).

// How the URLs of such routes begin, and one for messages.
const (
	tcpPrefix  = "tcp+"
	udpPrefix  = "udp+"
	tcpExample = "tcp+https://bastion.example.com:22"
)

// carriesTCP tells whether a route is from such a URL, for datagrams too; also one that leaves out how the door is reached, which
// is a mistake.
func carriesTCP(from string) bool {
	return begins(from, tcpPrefix) || begins(from, "tcp:") || carriesUDP(from)
}

// carriesUDP tells whether a route is for datagrams.
func carriesUDP(from string) bool { return begins(from, udpPrefix) || begins(from, "udp:") }

func begins(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// datagramIdle is how long nothing is sent either way before datagrams are no longer carried: they have no end of their own.
const datagramIdle = 5 * time.Minute

// tunnel is a route that carries TCP.
func (b block) tunnel(k known, from word) Route {
	udp := carriesUDP(from.text)
	example, read, idle := "tcp://10.0.0.9:22", b.tcpUpstream, time.Duration(0) // people leave a terminal open
	if udp {
		example, read, idle = "udp://10.0.0.9:53", b.udpUpstream, datagramIdle
		b.refuseForUDP()
	}
	r := Route{
		Name:        b.name,
		Prefix:      "/",
		UDP:         udp,
		To:          b.upstreams(example, read),
		Identities:  b.references("identity", "identity", k.identities),
		Session:     b.stricter(k.session),
		IdleTimeout: b.duration("idle_timeout", idle, 0),
		Client:      b.clientCertificates(),
		Limit:       b.rateLimit(),
	}
	b.refuseHTTP()
	r.From, r.Connect = b.connect(from)
	r.Access, r.Policies = b.access(k.rules, false)
	r.Upstream = b.chosen(r.To, false)
	r.Shadow = b.shadows(k.rules, r.Policies)
	return r
}

// refuseHTTP reports what means nothing where no HTTP is carried.
func (b block) refuseHTTP() {
	tell := func(at hcl.Range, name string) {
		b.fail(notForTCP, at, "%s is about HTTP, and %s carries bytes as they stand. Leave it out.", name, b)
	}
	for _, name := range []string{"identity_headers", "websocket", "upgrade", "timeout", "paths", "methods", "cors_preflight", "body_limit"} {
		if b.has(name) {
			tell(b.body.Attributes[name].NameRange, name)
		}
	}
	for _, inner := range b.body.Blocks {
		if slices.Contains([]string{"assertion", "kubernetes", "retry", "rewrite", "upstream_tls", "request_headers", "response_headers", "redirect", "respond"}, inner.Type) {
			tell(inner.TypeRange, inner.Type)
		}
	}
}

// connect reads tcp+https://HOST:PORT: the origin of the host, still without its port, and what CONNECT has to name.
func (b block) connect(w word) (o Origin, name string) {
	u, err := b.url(w)
	if err == nil {
		o, name, err = tcpOrigin(u)
	}
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return Origin{}, ""
	}
	if !o.Secure() && !local(o.Host) {
		b.fail(plainHTTP, w.at, plainOnly)
		return Origin{}, ""
	}
	return o, name
}

func tcpOrigin(u *url.URL) (o Origin, name string, err error) {
	o.Scheme = strings.TrimPrefix(strings.TrimPrefix(u.Scheme, tcpPrefix), udpPrefix)
	if o.Scheme != "https" && o.Scheme != "http" {
		prefix := tcpPrefix
		if carriesUDP(u.Scheme + ":") {
			prefix = udpPrefix
		}
		return o, "", fmt.Errorf("%.20q is not a scheme for this. Write %shttps:// (or %[2]shttp://)", u.Scheme, prefix)
	}
	host, port, err := tcpAddress(u)
	if err != nil {
		return o, "", err
	}
	o.Host = host
	if strings.Contains(host, ":") {
		o.Host = "[" + host + "]"
	}
	return o, net.JoinHostPort(host, port), nil
}

// tcpAddress is the host and the port of a URL that has nothing else.
func tcpAddress(u *url.URL) (host, port string, err error) {
	switch {
	case u.Path != "" && u.Path != "/":
		return "", "", fmt.Errorf("TCP has no path. Leave out %q", u.Path)
	case u.Port() == "":
		return "", "", fmt.Errorf("TCP has no port of its own. Write one after the host, as in %q", tcpExample)
	case strings.Contains(u.Hostname(), "*"):
		return "", "", errors.New("a route that carries TCP is for one host: no star")
	}
	if host, err = hostName(u.Hostname()); err != nil {
		return "", "", err
	}
	port, err = portOf(&url.URL{Host: u.Host}) // without a scheme no port is left out
	return host, port, err
}

// tcpUpstream reads tcp://HOST:PORT, or a socket.
func (b block) tcpUpstream(w word) (string, bool) {
	if origin, is, err := socketOf(w.text); is && !strings.HasPrefix(w.text, "h2c") {
		return b.orFail(w, origin, err)
	}
	return b.rawUpstream(w, "tcp", "TCP")
}

// udpUpstream reads udp://HOST:PORT.
func (b block) udpUpstream(w word) (string, bool) { return b.rawUpstream(w, "udp", "datagrams") }

// rawUpstream reads SCHEME://HOST:PORT of what is carried as it stands.
func (b block) rawUpstream(w word, scheme, carried string) (string, bool) {
	u, err := b.url(w)
	if err == nil && u.Scheme != scheme {
		err = fmt.Errorf("%.20q is not a scheme for what carries %s. Write %s://", u.Scheme, carried, scheme)
	}
	var host, port string
	if err == nil {
		host, port, err = tcpAddress(u)
	}
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return "", false
	}
	return scheme + "://" + net.JoinHostPort(host, port), true
}

// refuseForUDP reports what means nothing for datagrams: nobody answers them for sure.
func (b block) refuseForUDP() {
	if b.has("proxy_protocol") {
		b.fail(notOverUDP, b.body.Attributes["proxy_protocol"].NameRange, "The PROXY protocol is for TCP. Leave it out.")
	}
	for _, inner := range b.body.Blocks {
		if inner.Type == "health" {
			b.fail(notOverUDP, inner.TypeRange, "Whether something answers to datagrams cannot be told. Leave health out.")
		}
	}
}

// moveIn gives a route that carries TCP the port at which the pages of its host are: that of another route of the host,
// else that of the authenticate host, since the same listeners serve both.
func (r *Route) moveIn(all []Route, home Origin) {
	if r.Connect == "" {
		return
	}
	if home.Scheme == r.From.Scheme {
		r.From.Port = home.Port
	}
	for _, other := range all {
		if other.Connect == "" && other.From.Scheme == r.From.Scheme && other.From.Host == r.From.Host {
			r.From.Port = other.From.Port
		}
	}
}
