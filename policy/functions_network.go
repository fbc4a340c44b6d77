package policy

import (
	"net/netip"

	"github.com/hashicorp/hcl/v2"
)

func (c *checker) inCIDR(args []node, at hcl.Range) node {
	var networks []netip.Prefix
	fit := true
	for _, arg := range args[1:] {
		for _, written := range writtenNetworks(arg) {
			network, ok := c.network(written, arg.at)
			networks = append(networks, network)
			fit = fit && ok
		}
	}
	if !fit {
		return bad(at)
	}
	if len(networks) == 0 {
		c.mistake(at, badNetwork, `No address is in none. Write "10.0.0.0/8", or what you mean.`)
		return bad(at)
	}
	return c.made(boolean, at, mapped(run[netip.Addr](args[0]), func(_ *frame, ip netip.Addr) (bool, bool) {
		for i := range networks {
			if networks[i].Contains(ip) {
				return true, true
			}
		}
		return false, true
	}), args...)
}

// writtenNetworks are the texts of a constant, which is a text or a list of them.
func writtenNetworks(n node) []string {
	if n.kind == text {
		return []string{valueOf[string](n)}
	}
	return valueOf[[]string](n)
}

// network reads a network, or an address, which is a network of one.
func (c *checker) network(written string, at hcl.Range) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(written); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	network, err := netip.ParsePrefix(written)
	switch {
	case err != nil:
		c.mistake(at, badNetwork, `%q is no network. One is written "10.0.0.0/8" or "2001:db8::/32".`, written)
	case network.Addr().Is4In6():
		c.mistake(at, badNetwork, `%q is an IPv4 network written as IPv6, which contains no address here. Write it as IPv4.`, written)
	case network != network.Masked():
		c.mistake(at, badNetwork, "%q has bits set behind its length. Write %q for the network, or leave the length out for the address.", written, network.Masked())
	default:
		return network, true
	}
	return network, false
}

// addressOf takes a constant text for the address that is written there.
func (c *checker) addressOf(n node) (node, bool) {
	ip, err := netip.ParseAddr(valueOf[string](n))
	if err != nil {
		c.mistake(n.at, badNetwork, `%q is no address. One is written "10.0.0.1" or "2001:db8::1".`, valueOf[string](n))
		return bad(n.at), false
	}
	return node{kind: address, run: always(ip.Unmap().WithZone("")), constant: true, at: n.at}, true
}
