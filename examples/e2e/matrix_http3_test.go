//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// http3To opens a stream of HTTP/3 to a node, on a connection of its own.
func (m *matrix) http3To(n *node) (*http3.RequestStream, func(), error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	about := &tls.Config{ServerName: m.host("app"), RootCAs: m.roots, NextProtos: []string{http3.NextProtoH3}}
	conn, err := quic.DialAddr(ctx, n.listen, about, &quic.Config{KeepAlivePeriod: 5 * time.Second})
	if err != nil {
		return nil, nil, err
	}
	made := new(http3.Transport).NewClientConn(conn)
	select {
	case <-made.ReceivedSettings():
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	stream, err := made.OpenRequestStream(ctx)
	return stream, func() { _ = conn.CloseWithError(0, "") }, err
}

// ask3 asks over HTTP/3, and wants 200.
func (m *matrix) ask3(n *node, r *http.Request) (*http3.RequestStream, func(), error) {
	stream, closed, err := m.http3To(n)
	if err != nil {
		return nil, nil, err
	}
	if err := stream.SendRequestHeader(r); err != nil {
		return nil, nil, err
	}
	if r.Method != http.MethodConnect {
		if err := stream.Close(); err != nil { // there is no body
			return nil, nil, err
		}
	}
	response, err := stream.ReadResponse()
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("answered with %s", response.Status)
	}
	return stream, closed, nil
}

func (m *matrix) openHTTP3(n *node, p *person) (func() error, func(), error) {
	stream, closed, err := m.ask3(n, m.asks(p, http.MethodGet, "/stream", false))
	if err != nil {
		return nil, nil, err
	}
	lines := bufio.NewReader(stream)
	return func() error { return second(lines.ReadString('\n')) }, closed, nil
}

func (m *matrix) openTunnelHTTP3(n *node, p *person) (func() error, func(), error) {
	stream, closed, err := m.ask3(n, &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Host: m.tcpName()}, Host: m.tcpName(),
		Header: http.Header{"Proxy-Authorization": {"Bearer " + p.bearer}, "X-Forwarded-For": {p.address}},
	})
	if err != nil {
		return nil, nil, err
	}
	lines := bufio.NewReader(stream)
	return func() error { return second(lines.ReadString('\n')) }, closed, nil
}

func (m *matrix) openSocketHTTP3(n *node, p *person) (func() error, func(), error) {
	r := m.asks(p, http.MethodConnect, "/ws", true)
	r.Proto = "websocket"
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Origin", m.url("app"))
	stream, closed, err := m.ask3(n, r)
	if err != nil {
		return nil, nil, err
	}
	return func() error { return readFrame(stream) }, closed, nil
}

// readFrame reads a short frame of a WebSocket. One that closes is an error, with the reason that it gives.
func readFrame(from io.Reader) error {
	var head [2]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return fmt.Errorf("%w: %w", errNoReason, err)
	}
	payload := make([]byte, head[1])
	if _, err := io.ReadFull(from, payload); err != nil {
		return fmt.Errorf("%w: %w", errNoReason, err)
	}
	switch {
	case head[0] != 0x88:
		return nil
	case len(payload) > 2 && payload[0] == 0x03 && payload[1] == 0xf0:
		return errors.New("closed with 1008: " + string(payload[2:]))
	}
	return fmt.Errorf("%w, but with %q", errNoReason, payload)
}
