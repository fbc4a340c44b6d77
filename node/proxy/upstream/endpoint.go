package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Endpoint is where an application is and what is spoken there.
type Endpoint struct {
	Origin  string // as the configuration has it, such as "http://10.0.0.5:8080" or "unix:/run/app.sock"
	Scheme  string // "http", "https", "h2c", "tcp" or "udp"
	Network string // "tcp" or "unix"
	Address string // HOST:PORT, or the path of a socket
	Host    string // the Host of requests; "localhost" at a socket
}

// How the URL of a socket begins: HTTP/1.1 is spoken there, or HTTP/2.
const (
	unixPrefix    = "unix:"
	h2cUnixPrefix = "h2c+unix:"
)

// Parse reads an application's URL: http://, https:// and h2c:// with a host, tcp:// with a host and a port, and
// unix:/PATH and h2c+unix:/PATH.
func Parse(to string) (Endpoint, error) {
	if path, ok := strings.CutPrefix(to, h2cUnixPrefix); ok {
		return socket(to, "h2c", path)
	}
	if path, ok := strings.CutPrefix(to, unixPrefix); ok {
		return socket(to, "http", path)
	}
	u, err := url.Parse(to)
	if err != nil {
		return Endpoint{}, err
	}
	if u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return Endpoint{}, fmt.Errorf("%q is not SCHEME://HOST", to)
	}
	e := Endpoint{Origin: u.Scheme + "://" + u.Host, Scheme: u.Scheme, Network: "tcp", Host: u.Host}
	port := u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c" && u.Scheme != "tcp" && u.Scheme != "udp":
		return Endpoint{}, fmt.Errorf("%q is not http://HOST, https://HOST or h2c://HOST", to)
	case port == "" && (u.Scheme == "tcp" || u.Scheme == "udp"):
		return Endpoint{}, fmt.Errorf("%q is not %s://HOST:PORT", to, u.Scheme)
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	e.Address = net.JoinHostPort(u.Hostname(), port)
	return e, nil
}

// socket is the endpoint at a path, which may have two slashes more before it.
func socket(origin, scheme, path string) (Endpoint, error) {
	path = strings.TrimPrefix(path, "//")
	if !strings.HasPrefix(path, "/") {
		return Endpoint{}, errors.New("a socket has an absolute path, as in \"unix:/run/app.sock\"")
	}
	return Endpoint{Origin: origin, Scheme: scheme, Network: "unix", Address: path, Host: "localhost"}, nil
}

// Secure tells whether TLS is spoken.
func (e Endpoint) Secure() bool { return e.Scheme == "https" }

// name is the host that has to be looked up, and its port; "" where there is nothing to look up.
func (e Endpoint) name() (host, port string) {
	host, port, err := net.SplitHostPort(e.Address)
	if e.Network != "tcp" || err != nil || net.ParseIP(strings.Split(host, "%")[0]) != nil {
		return "", ""
	}
	return host, port
}
