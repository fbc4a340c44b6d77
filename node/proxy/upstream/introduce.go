package upstream

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// introduce begins a connection by the PROXY protocol: with whom it is for, or, when nobody is known (as of health checks), by saying
// that it is our own.
func introduce(ctx context.Context, conn net.Conn, version string) error {
	header := &proxyproto.Header{Version: 1, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	if version == "v2" {
		header.Version = 2
	}
	if c, ok := ctx.Value(clientKey{}).(client); ok && c.from.IsValid() {
		header.Command = proxyproto.PROXY
		from, to := alike(c.from, c.to)
		header.TransportProtocol = proxyproto.TCPv4
		if from.Addr().Is6() {
			header.TransportProtocol = proxyproto.TCPv6
		}
		header.SourceAddr, header.DestinationAddr = net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)
	}
	if until, ok := ctx.Deadline(); ok {
		_ = conn.SetWriteDeadline(until) // of a connection that is closed, writing tells
		defer func() { _ = conn.SetWriteDeadline(time.Time{}) }()
	}
	_, err := header.WriteTo(conn)
	if err != nil {
		_ = conn.Close()
	}
	return err
}

// alike gives two addresses of one family: the protocol has no mixture. Where the client's is of another family, or nothing is
// known, it came to no address in particular.
func alike(from, to netip.AddrPort) (a, b netip.AddrPort) {
	from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
	to = netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port())
	if from.Addr().Is4() == to.Addr().Is4() && to.IsValid() {
		return from, to
	}
	if from.Addr().Is4() {
		return from, netip.AddrPortFrom(netip.IPv4Unspecified(), to.Port())
	}
	return from, netip.AddrPortFrom(netip.IPv6Unspecified(), to.Port())
}
