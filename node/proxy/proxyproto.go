package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"picket/node/proxy/gate"
)

// noProxyHeader is why a connection is closed that ought to begin with the PROXY protocol and does not.
const noProxyHeader gate.Reason = "no_proxy_header"

// relayed is a connection whose client is another than its peer.
type relayed struct {
	*net.TCPConn
	client net.Addr
}

// RemoteAddr is the client's.
func (r relayed) RemoteAddr() net.Addr { return r.client }

// Unbuffered says that not a byte behind the header was read.
func (relayed) Unbuffered() {}

// whose gives a connection the address of its client. From the networks of proxy_protocol the connection must begin with a
// header of that protocol; from all others none is read, so that nobody can pass for somebody else.
func (l *listener) whose(conn net.Conn) (known net.Conn, from netip.Addr, err error) {
	from, _ = parseAddress(conn.RemoteAddr().String())
	f := l.inForce()
	wired, ok := conn.(*net.TCPConn)
	if f == nil || !ok || !f.relays(from) {
		return conn, from, nil
	}
	client, err := readProxyHeader(wired, l.HeaderTimeout)
	if err != nil || client == nil {
		return conn, from, err
	}
	from, ok = parseAddress(client.String())
	if !ok {
		return nil, from, errors.New("its client has no address")
	}
	return relayed{wired, client}, from, nil
}

// relays tells whether connections from an address begin with a header of the PROXY protocol.
func (l *front) relays(from netip.Addr) bool {
	for _, p := range l.ProxyProtocol {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

// The shape of a header, in bytes.
const (
	longestV1 = 107 // with its end of line
	headV2    = 16  // before what its length counts
	longestV2 = 4096
)

// readProxyHeader reads the header and not one byte more. The client is nil when the balancer asks for itself (LOCAL), as it does to
// see whether this node is alive.
func readProxyHeader(conn net.Conn, patience time.Duration) (client net.Addr, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	raw, err := proxyHeader(conn)
	if err != nil {
		return nil, fmt.Errorf("reading the header of the PROXY protocol: %w", err)
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)))
	if err != nil {
		return nil, fmt.Errorf("the header of the PROXY protocol: %w", err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
		return nil, nil
	}
	tcp, ok := h.SourceAddr.(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("the header of the PROXY protocol is of %s, and not of TCP", h.SourceAddr.Network())
	}
	return tcp, nil
}

// proxyHeader reads the bytes of a header of version 1 or 2.
func proxyHeader(from io.Reader) ([]byte, error) {
	b := make([]byte, len(proxyproto.SIGV2), longestV1)
	if _, err := io.ReadFull(from, b); err != nil { // no header is shorter
		return nil, err
	}
	switch {
	case bytes.Equal(b, proxyproto.SIGV2):
		return proxyHeaderV2(from, b)
	case bytes.HasPrefix(b, append(proxyproto.SIGV1[:len(proxyproto.SIGV1):len(proxyproto.SIGV1)], ' ')):
		return proxyHeaderV1(from, b)
	}
	return nil, errors.New("there is none")
}

// proxyHeaderV1 reads up to the end of the line, byte by byte, since what follows is not ours to read.
func proxyHeaderV1(from io.Reader, b []byte) ([]byte, error) {
	for !bytes.HasSuffix(b, []byte("\r\n")) {
		if len(b) == longestV1 {
			return nil, errors.New("its line does not end")
		}
		b = append(b, 0)
		if _, err := io.ReadFull(from, b[len(b)-1:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// proxyHeaderV2 reads as much as the header says that it has.
func proxyHeaderV2(from io.Reader, b []byte) ([]byte, error) {
	b = append(b, make([]byte, headV2-len(b))...)
	if _, err := io.ReadFull(from, b[len(proxyproto.SIGV2):]); err != nil {
		return nil, err
	}
	length := int(b[14])<<8 | int(b[15])
	if length > longestV2 {
		return nil, errors.New("it is too long")
	}
	b = append(b, make([]byte, length)...)
	_, err := io.ReadFull(from, b[headV2:])
	return b, err
}
