package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"picket/node/proxy/gate"
	"picket/node/proxy/http3"
)

// overUDP is the half of a listener that speaks HTTP/3: a socket of its own at the same address, once the configuration has asked
// for one. It stays until the listener closes, since connections go on there that were begun; without http3 in the configuration
// it takes no new ones.
type overUDP struct {
	socket net.PacketConn
	server *http3.Server
}

// openUDP opens a UDP half at the address of the TCP half. Whoever calls it makes it the listener's.
func (l *listener) openUDP(ctx context.Context) (*overUDP, error) {
	socket, err := new(net.ListenConfig).ListenPacket(ctx, "udp", l.socket.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("listen %q: HTTP/3: %w", l.Name, err)
	}
	d := l.door
	reset, token := d.tickets.ofQUIC()
	server, err := http3.NewServer(http3.Options{
		Handler: l, TLS: l.tlsConfig(),
		HeaderBytes: l.HeaderBytes, Streams: l.Streams, HeaderTimeout: l.HeaderTimeout, IdleTimeout: l.IdleTimeout,
		ResetKey: reset, TokenKey: token,
		Enter: l.enterUDP, EnterFrom: l.enterUDPFrom, Refused: d.malformed, Calmed: d.calmed, Panicked: d.panicked,
	}, socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen %q: HTTP/3: %w", l.Name, err), socket.Close())
	}
	return &overUDP{socket: socket, server: server}, nil
}

// enterUDP asks the gate about a connection of HTTP/3, of whoever.
func (l *listener) enterUDP(client netip.AddrPort) (leave func(), ok bool) {
	if why := l.gate.Enter(); why != "" {
		l.notLetIn(net.UDPAddrFromAddrPort(client), why)
		return nil, false
	}
	return l.gate.Leave, true
}

// enterUDPFrom asks it about one of a client that is where it says.
func (l *listener) enterUDPFrom(client netip.AddrPort) (leave func(), ok bool) {
	from := client.Addr().Unmap().WithZone("")
	if !l.bounded(from) {
		return func() {}, true
	}
	if why := l.gate.EnterFrom(from); why != gate.Reason("") {
		l.notLetIn(net.UDPAddrFromAddrPort(client), why)
		return nil, false
	}
	return func() { l.gate.LeaveFrom(from) }, true
}

// serve serves until the socket is closed.
func (u *overUDP) serve() error { return u.server.Serve() }

// close closes it at once.
func (u *overUDP) close() error { return errors.Join(u.server.Close(), u.socket.Close()) }

// drain takes no more, and lets what is under way come to its end until ctx does; then it is cut.
func (u *overUDP) drain(ctx context.Context) error {
	return errors.Join(u.server.Shutdown(ctx), u.socket.Close())
}

// altSvcAge is how long clients may remember that the site speaks HTTP/3.
const altSvcAge = 24 * time.Hour

// altSvc tells that the site speaks HTTP/3 at the port that people use for it (RFC 7838, section 3), or that it does so no more, for as
// long as somebody may remember; "": there is nothing to tell, or they know.
func (l *front) altSvc(a *ask) string {
	switch {
	case !a.origin.Secure():
		return ""
	case l.HTTP3 && a.r.Major <= 2:
		return `h3=":` + cmp.Or(a.origin.Port, "443") + `"; ma=` + strconv.Itoa(int(altSvcAge.Seconds()))
	case !l.HTTP3 && !l.mute.IsZero() && a.began.Sub(l.mute) < altSvcAge:
		return "clear"
	}
	return ""
}

// leaveHTTP3 notes on which listeners HTTP/3 has been spoken, and is no more.
func (r *Rules) leaveHTTP3(before *Rules, now time.Time) {
	for key, l := range r.fronts {
		was := before.fronts[key]
		switch {
		case was == nil || l.HTTP3:
		case was.HTTP3:
			l.mute = now
		default:
			l.mute = was.mute
		}
	}
}
