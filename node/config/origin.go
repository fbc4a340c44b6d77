package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// plainOnly is what is wrong with http anywhere but on this machine.
const plainOnly = "http is for localhost, names below it and loopback addresses: cookies travel readable. Write https://."

// front reads the URL of a host that people visit: where the browser's cookies will be. The path comes back as written.
// ok is false when it is not one, which is reported.
func (d *decoder) front(w word, wildcard bool) (o Origin, path string, ok bool) {
	u, err := d.url(w)
	if err != nil {
		d.fail(badURL, w.at, "%s", sentence(err))
		return o, "", false
	}
	o, err = originOf(u, wildcard)
	if err != nil {
		d.fail(badURL, w.at, "%s", sentence(err))
		return o, "", false
	}
	if !o.Secure() && !local(strings.TrimPrefix(o.Host, "*.")) {
		d.fail(plainHTTP, w.at, plainOnly)
		return o, "", false
	}
	return o, u.EscapedPath(), true
}

// url reads a word as parseURL does. What may have a password in it is not shown.
func (d *decoder) url(w word) (*url.URL, error) {
	if strings.Contains(w.text, "@") {
		d.hidden = append(d.hidden, w.at)
	}
	return parseURL(w.text)
}

// parseURL reads an absolute URL that is no more than scheme, host, port and path.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil && strings.Contains(s, "@") {
		return nil, errors.New("this is not a URL")
	}
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		if _, isAddress := netip.ParseAddrPort(s); isAddress == nil {
			return nil, fmt.Errorf("this is not a whole URL. Write such as %q", "http://"+s)
		}
		return nil, fmt.Errorf("this is not a URL: %w", err)
	}
	switch {
	case u.Scheme == "" || u.Host == "" && u.Opaque == "":
		return nil, errors.New("this is not a whole URL. Write such as \"https://wiki.example.com\"")
	case u.Opaque != "":
		return nil, errors.New("after the scheme come two slashes, as in \"https://wiki.example.com\"")
	case u.User != nil:
		return nil, errors.New("a URL here has no user and no password before the host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(s, "#"):
		return nil, errors.New("a URL here ends with its path: no \"?\" and no \"#\"")
	}
	return u, nil
}

// originOf is the origin of an http or https URL in the one form in which origins are compared.
func originOf(u *url.URL, wildcard bool) (Origin, error) {
	o := Origin{Scheme: u.Scheme}
	if o.Scheme != "https" && o.Scheme != "http" {
		return o, fmt.Errorf("%.20q is not a scheme for this. Write https:// (or http://)", u.Scheme)
	}
	name, star := u.Hostname(), ""
	if rest, ok := strings.CutPrefix(name, "*."); ok && wildcard {
		name, star = rest, "*."
	}
	if strings.Contains(name, "*") {
		return o, errors.New("a star stands for the first label of a route's host alone, as in \"https://*.example.com\"")
	}
	host, err := hostName(name)
	if err != nil {
		return o, err
	}
	if _, err := netip.ParseAddr(host); err == nil && star != "" {
		return o, errors.New("a star stands before a name, not before an IP address")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	o.Host = star + host
	o.Port, err = portOf(u)
	return o, err
}

// portOf is the port of a URL, "" for the scheme's own.
func portOf(u *url.URL) (string, error) {
	if u.Port() == "" {
		return "", nil
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("%q is not a port", u.Port())
	}
	if n == 443 && u.Scheme == "https" || n == 80 && u.Scheme == "http" {
		return "", nil
	}
	return strconv.FormatUint(n, 10), nil
}

// ownPaths is why a path is no route's.
const ownPaths = "What is below /.picket/ and /.well-known/picket/ is answered by picket on every host."

// ours tells whether a path is served by picket on every host.
func ours(prefix string) bool {
	for _, own := range []string{"/.picket", "/.well-known/picket"} {
		if prefix == own || strings.HasPrefix(prefix, own+"/") {
			return true
		}
	}
	return false
}
