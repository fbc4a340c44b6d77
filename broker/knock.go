package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// presence is what is at a peer's address.
type presence int

const (
	mute     presence = iota // something that takes connections and does not say what it is: a node that hangs, or is slow
	absent                   // nobody
	outsider                 // somebody who is of another cluster, has another secret, or is no node
	present                  // a node of this cluster
)

// greet tells what is at the address of each other peer, as far as it is known within this patience. It does what a route
// does at first: both sides show their certificates, and the other one speaks.
func (b *Broker) greet(ctx context.Context, patience time.Duration) (map[presence][]string, error) {
	a, err := newAuthority(b.keys, b.options.Cluster, b.options.Node+joiner)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var (
		mu    sync.Mutex
		all   sync.WaitGroup
		found = map[presence][]string{}
	)
	for _, p := range b.options.Peers {
		if p.Name == b.options.Node {
			continue
		}
		all.Go(func() {
			is := greetOne(ctx, p.Address, a.tlsConfig())
			mu.Lock()
			defer mu.Unlock()
			found[is] = append(found[is], p.Name)
		})
	}
	all.Wait()
	for _, names := range found {
		slices.Sort(names)
	}
	return found, nil
}

func greetOne(ctx context.Context, address string, config *tls.Config) presence {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return absent // a machine that is off does not even refuse
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return met(err)
	}
	_, err = conn.Read(make([]byte, 1)) // with TLS 1.3 only now does the other side say whether it takes our certificate
	return met(err)
}

// met is what an attempt to shake hands shows.
func met(err error) presence {
	var (
		alert  tls.AlertError
		record tls.RecordHeaderError
		paper  *tls.CertificateVerificationError
		remote *net.OpError
	)
	switch {
	case err == nil:
		return present
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return absent // something stands before its port, and it is not behind
	case errors.As(err, &paper), errors.As(err, &record), errors.As(err, &alert), strings.HasPrefix(err.Error(), otherCluster):
		return outsider
	case errors.As(err, &remote) && remote.Op == "remote error":
		return outsider // it does not take our certificate
	}
	return mute
}
