package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// socket is an address that this node would listen on.
type socket struct {
	owner string // the block that asks for it
	at    hcl.Range
	host  string // "": every address
	port  uint16 // 0: whichever is free
}

// socket reads HOST:PORT as an address to listen on, and claims it. The text comes back when it is one, else "".
func (d *decoder) socket(owner string, w word) string {
	host, port, err := splitAddress(w.text)
	if err != nil {
		d.fail(badAddress, w.at, "%s", sentence(err))
		return ""
	}
	d.claim(socket{owner, w.at, host, port})
	return w.text
}

// claim reports an address that was claimed before.
func (d *decoder) claim(s socket) {
	for _, other := range d.taken {
		if !other.meets(s) {
			continue
		}
		d.fail(addressTwice, s.at, "%s and %s cannot both listen on port %d here. Give one of them another port.",
			other.owner, s.owner, s.port)
		break
	}
	d.taken = append(d.taken, s)
}

// meets tells whether two sockets cannot be open at once.
func (s socket) meets(other socket) bool {
	if s.port != other.port || s.port == 0 {
		return false
	}
	a, errA := netip.ParseAddr(s.host)
	b, errB := netip.ParseAddr(other.host)
	if errA != nil || errB != nil {
		return s.host == other.host || everywhere(s.host) || everywhere(other.host)
	}
	a, b = a.Unmap(), b.Unmap()
	dual := func(x netip.Addr) bool { return x == netip.IPv6Unspecified() }
	same := a.Is4() == b.Is4()
	return a == b || dual(a) || dual(b) || same && (a.IsUnspecified() || b.IsUnspecified())
}

// everywhere tells whether a host to listen on stands for every address of the machine.
func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// splitAddress reads HOST:PORT. The host may be empty, an IP address (IPv6 in brackets) or a name.
func splitAddress(s string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("%.60q is not HOST:PORT. Write such as \"127.0.0.1:8080\", \"[::1]:8080\" or \":8080\"", s)
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%.60q has no port between 0 and 65535 after the colon", s)
	}
	if host == "" {
		return host, uint16(n), nil
	}
	if _, err := hostName(host); err != nil {
		return "", 0, err
	}
	return host, uint16(n), nil
}

var (
	hostLabel  = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
	hostNumber = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`) // as a last label: browsers take such a host for IPv4
)

// errPunycode asks for a host in the form that travels.
var errPunycode = errors.New("the host has letters beyond ASCII. Write it as punycode, xn--…")

// hostName checks a host, an IP address (IPv6 without brackets) or a name, and gives it in the form in which hosts
// are compared: lower case, without the trailing dot, IPv6 as RFC 5952 has it.
func hostName(s string) (string, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		if ip.Zone() != "" {
			return "", fmt.Errorf("%.60q has a zone. Write the address alone", s)
		}
		return ip.String(), nil
	}
	host := strings.ToLower(strings.TrimSuffix(s, "."))
	labels := strings.Split(host, ".")
	for _, r := range host {
		if r > 0x7f {
			return "", errPunycode
		}
	}
	for _, l := range labels {
		if !hostLabel.MatchString(l) {
			return "", fmt.Errorf("%.60q is not a host name", s)
		}
	}
	if len(host) > 253 || hostNumber.MatchString(labels[len(labels)-1]) {
		return "", fmt.Errorf("%.60q is neither a host name nor an IP address", s)
	}
	return host, nil
}

// local tells whether a host is this machine whoever asks: localhost, a name below it, or a loopback address.
func local(host string) bool {
	host = strings.Trim(host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// networks reads a list of networks; a single address is a network of one.
func (b block) networks(name string) []netip.Prefix {
	words, _ := b.texts(name)
	var all []netip.Prefix
	for _, w := range words {
		prefix, err := parseNetwork(w.text)
		if err != nil {
			b.fail(badNetwork, w.at, "%.60q is not a network. Write such as \"10.0.0.0/8\" or \"2001:db8::/32\".", w.text)
			continue
		}
		if prefix.Bits() == 0 {
			b.warn(believesAll, w.at, "With %s in %s any client can say to be another. Name the networks of your balancers.", w.text, name)
		}
		all = append(all, prefix)
	}
	return all
}

func parseNetwork(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
