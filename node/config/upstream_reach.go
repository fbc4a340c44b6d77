package config

import (
	"errors"
	"net/textproto"
	"net/url"
	"strings"
)

func canonicalHeader(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// isHost tells whether a text is a host, with a port or without.
func isHost(s string) bool {
	u, err := url.Parse("//" + s)
	if err != nil || u.Host != s || u.User != nil {
		return false
	}
	_, err = hostName(u.Hostname())
	return err == nil
}

// socketOf reads unix:/PATH, and h2c+unix:/PATH where HTTP/2 is spoken; ok is false when it is something else.
func socketOf(text string) (origin string, ok bool, err error) {
	path, plain := strings.CutPrefix(text, "unix:")
	scheme := "unix:"
	if !plain {
		if path, ok = strings.CutPrefix(text, "h2c+unix:"); !ok {
			return "", false, nil
		}
		scheme = "h2c+unix:"
	}
	path = strings.TrimPrefix(path, "//")
	switch {
	case !strings.HasPrefix(path, "/") || path == "/":
		return "", true, errors.New("a socket has an absolute path. Write such as \"unix:/run/app.sock\"")
	case len(path) > 100: // sun_path has 108 bytes on Linux, 104 elsewhere
		return "", true, errors.New("the path of a socket has 100 bytes at most")
	case strings.ContainsAny(path, "\x00\r\n"):
		return "", true, errors.New("the path of a socket has no line breaks")
	}
	return scheme + path, true, nil
}

// upstreamTLS reads how applications at https:// are known, and how they know picket.
func (b block) upstreamTLS(to []string) UpstreamTLS {
	if b.absent {
		return UpstreamTLS{}
	}
	s := UpstreamTLS{CA: b.authorities("ca"), SkipVerify: b.flag("skip_verify", false)}
	if w, ok := b.optional("name"); ok {
		name, err := hostName(w.text)
		if err != nil {
			b.fail(badURL, w.at, "%s", sentence(err))
		}
		s.Name = name
	}
	certificate, hasCertificate := b.optional("certificate")
	key, hasKey := b.optional("key")
	switch {
	case hasCertificate && hasKey:
		pair, _ := b.pair(key.expr, certificate, key)
		s.Certificate, s.Key = pair.Chain, pair.Key
	case b.has("certificate") != b.has("key"):
		b.fail(missingAttribute, b.at, "A certificate and its key belong together: write both, or leave both out.")
	}
	if s.SkipVerify {
		b.warn(notVerified, b.place("skip_verify"), "Whoever is between can be the upstream, and is told who asks. Write ca = file(\"PATH\") in its place.")
	}
	for _, origin := range to {
		if strings.HasPrefix(origin, "https:") {
			return s
		}
	}
	if len(to) > 0 {
		b.warn(withoutEffect, b.at, "No upstream of this route is at https://.")
	}
	return s
}

// proxyProtocol reads whether applications are told the client's address at the beginning of a connection.
func (b block) proxyProtocol(to []string) string {
	if !b.has("proxy_protocol") {
		return ""
	}
	version := b.choice("proxy_protocol", "v2", "v1")
	for _, origin := range to {
		if strings.HasPrefix(origin, "h2c") {
			b.fail(notOneOf, b.place("proxy_protocol"), "A connection of HTTP/2 is for many clients, and the PROXY protocol tells of one. Write http:// or https:// in to.")
			break
		}
	}
	return version
}

// kubernetes reads how a route speaks to a Kubernetes API server.
func (b block) kubernetes(to []string, public bool) Kubernetes {
	if b.absent {
		return Kubernetes{}
	}
	k := Kubernetes{Impersonate: b.flag("impersonate", true)}
	if w, ok := b.required("token", "the bearer of a service account, such as file(\"/var/run/secrets/kubernetes.io/serviceaccount/token\")"); ok {
		w = b.secret(w)
		k.Token = w.text
		if strings.Trim(w.text, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			b.fail(badHeader, w.at, "A token is one word of printable ASCII.")
		}
	}
	if public {
		b.fail(notOffered, b.at, "With public = true everyone could act as the service account. Write policy = policy.NAME or any_user = true.")
	}
	for _, origin := range to {
		u, err := url.Parse(origin)
		if err == nil && (u.Scheme == "http" || u.Scheme == "h2c") && !local(u.Hostname()) {
			b.fail(plainHTTP, b.at, "The token would travel readable to %s. Write https:// in to.", origin)
			break
		}
	}
	return k
}
