package proxy

import (
	"crypto/tls"
	"slices"
	"sync"
)

// acmeALPN is the protocol of a handshake that proves a host to an ACME server (RFC 8737): nothing is spoken after it.
const acmeALPN = "acme-tls/1"

// suites are those of TLS 1.2: forward secret, authenticated. Those of TLS 1.3 are all so.
var suites = [...]uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// tlsConfig is what TLS goes by on this listener, whatever is spoken above it: over TCP as it stands, over QUIC as
// http3.ConfigureTLSConfig makes it. Each ClientHello is answered by the rules in force. No data is taken before the
// handshake is done: crypto/tls has no such thing, and quic.Config.Allow0RTT must stay false, for tickets made over TCP and
// over QUIC alike.
func (l *listener) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: nextProtos(), GetConfigForClient: l.configFor}
}

func nextProtos() []string { return []string{"h2", "http/1.1"} }

// configFor gives what is in force for a client.
func (l *listener) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	f := l.door.inForce.Load().fronts[l.key]
	if f == nil {
		return nil, errClosed
	}
	return f.configFor(hello), nil
}

// configFor gives what the listener says to a client.
func (l *front) configFor(hello *tls.ClientHelloInfo) *tls.Config {
	if l.obtained != nil && slices.Equal(hello.SupportedProtos, []string{acmeALPN}) {
		return &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{acmeALPN}, GetCertificate: l.obtained, SessionTicketsDisabled: true,
		}
	}
	return l.secured(hello.ServerName).forClient()
}

// secured is what TLS says to clients that name a server.
func (l *front) secured(server string) *secured {
	if len(l.ofSite) == 0 {
		return l.others
	}
	if host, ok := canonicalHost(server); ok {
		if s := l.ofSite[l.table.find(host)]; s != nil {
			return s
		}
	}
	return l.others
}

// asksAlike tells whether a client that made its connection for one host was asked for the same certificate as it would have
// been for another: else it has to make one for that.
func (l *front) asksAlike(server, host string) bool {
	return l.secured(server).asked.label == l.secured(host).asked.label
}

// secured is a configuration of TLS whose tickets have the keys of the present period.
type secured struct {
	tickets *tickets
	asked   asked
	config  *tls.Config

	mu     sync.Mutex
	period int64 // guarded by mu: whose keys the config has
}

func (l *front) newSecured(routes ...*route) *secured {
	s := &secured{tickets: l.tickets, period: -1, asked: newAsked(l, routes), config: &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites[:], NextProtos: nextProtos(), GetCertificate: l.certificate,
		DynamicRecordSizingDisabled: true, // else the first hundred answers of a connection are cut into records of a packet each, and a write for each
	}}
	s.config.ClientAuth, s.config.ClientCAs = s.asked.auth, s.asked.authorities
	if s.asked.auth == tls.RequireAnyClientCert {
		s.config.VerifyConnection = s.asked.verify
	}
	return s
}

// forClient is the configuration for one connection.
func (s *secured) forClient() *tls.Config {
	s.renewKeys()
	if s.asked.nothing() {
		return s.config
	}
	own := s.config.Clone()
	(&resumption{of: s}).attach(own)
	return own
}

// renewKeys has the configuration go by the keys that are in use now.
func (s *secured) renewKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.tickets.present(); now != s.period {
		s.config.SetSessionTicketKeys(s.tickets.of(now))
		s.period = now
	}
}
