package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// ALPN is the protocol in which an authority asks for the answer to TLS-ALPN-01 (RFC 8737, section 4): a connection of it
// ends with its handshake.
const ALPN = acmez.ACMETLS1Protocol

// Certificate is the certificate in force for a client, or the answer to a challenge; nil without an error when the name is
// none that certificates are ordered for. An error says that there is none yet.
func (m *Manager) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == ALPN {
		return m.challengeCertificate(hello, name)
	}
	t := m.table.Load()
	if t == nil {
		return nil, nil
	}
	s := t.pick(name)
	if s == nil {
		return nil, nil
	}
	if s.cert == nil {
		m.tellLacking(s)
		return nil, fmt.Errorf("there is no certificate for %s yet", s.name)
	}
	return s.cert, nil
}

func (m *Manager) challengeCertificate(hello *tls.ClientHelloInfo, name string) (*tls.Certificate, error) {
	c, ok := m.answer(hello.Context(), acme.ChallengeTypeTLSALPN01, name)
	if !ok {
		return nil, fmt.Errorf("no challenge is known for %.100q", name)
	}
	m.log.Debug().Str("name", name).Msg("a challenge is answered: tls-alpn-01")
	return acmez.TLSALPN01ChallengeCert(c)
}

// KeyAuthorization is the answer to HTTP-01 (RFC 8555, section 8.3) at a token; ok is false when none is asked for.
func (m *Manager) KeyAuthorization(ctx context.Context, token string) (text string, ok bool) {
	if !tokenLike(token) {
		return "", false
	}
	c, ok := m.answer(ctx, acme.ChallengeTypeHTTP01, token)
	if ok {
		m.log.Debug().Str("name", c.Identifier.Value).Msg("a challenge is answered: http-01")
	}
	return c.KeyAuthorization, ok
}

// tokenLike tells whether a text can be a token: base64url, of a length that authorities use.
func tokenLike(token string) bool {
	if len(token) < 16 || len(token) > 256 {
		return false
	}
	return strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// tellEvery is how often the log says that a name has no certificate while clients ask for it.
const tellEvery = time.Minute

// tellLacking has an operator know why a handshake failed, now and then.
func (m *Manager) tellLacking(s *site) {
	now := m.now()
	m.mu.Lock()
	told := m.told[s.name]
	if now.Sub(told) < tellEvery {
		m.mu.Unlock()
		return
	}
	m.told[s.name] = now
	m.mu.Unlock()
	line := m.log.Warn().Str("name", s.name)
	if s.attempt.Error != "" {
		line = line.Str("error", s.attempt.Error)
	}
	if s.next.After(now) {
		line = line.Time("next_try", s.next)
	}
	line.Msg("a TLS handshake failed: there is no certificate for the name yet")
}
