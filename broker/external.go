package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// dialExternal connects to a NATS of the operator's and waits for it as long as ctx lives.
func (b *Broker) dialExternal(ctx context.Context) (*nats.Conn, error) {
	options := append(b.connOptions(), nats.Timeout(5*time.Second))
	if len(b.options.Credentials) > 0 {
		options = append(options, nats.UserCredentialBytes(b.options.Credentials))
	}
	if len(b.options.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(b.options.CA) {
			return nil, errors.New("broker ca holds no certificate")
		}
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}))
	}
	defer b.waits("")
	for {
		conn, err := nats.Connect(strings.Join(b.options.URLs, ","), options...)
		if err == nil {
			return conn, nil
		}
		b.waits(fmt.Sprintf("the broker at %s does not answer: %s", strings.Join(b.options.URLs, ", "), err))
		b.log.Warn().Err(err).Strs("url", b.options.URLs).Msg("the broker does not answer; trying again")
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connecting to %s: %w", strings.Join(b.options.URLs, ", "), err)
		case <-time.After(time.Second):
		}
	}
}

// connOptions are common to both kinds of broker: a connection that is lost is tried again for ever, and what is written
// while it is down fails at once rather than later.
func (b *Broker) connOptions() []nats.Option {
	return []nats.Option{
		nats.Name("picket " + b.options.Node),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(3),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil && !b.closing() {
				b.log.Warn().Err(err).Msg("lost the broker")
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			b.log.Info().Str("server", c.ConnectedServerName()).Msg("found the broker again")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			event := b.log.Warn().Err(err)
			if s != nil {
				event = event.Str("subject", s.Subject)
			}
			event.Msg("broker connection")
		}),
	}
}

// closing tells whether Close has begun.
func (b *Broker) closing() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}
