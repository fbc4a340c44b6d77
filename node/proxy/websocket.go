package proxy

import (
	"bufio"
	"context"
	"crypto/sha1" // RFC 6455 asks for it, and nothing rests on it
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	handshakeTime = 30 * time.Second       // for the application to answer a handshake, where the route sets no time
	frameTime     = 250 * time.Millisecond // for the present frame to end, when a WebSocket is cut
	farewellTime  = time.Second            // for the client to take the close frame
	leaveTime     = 5 * time.Second        // for one side to end after the other did
)

// carrySocket opens a WebSocket to the application as the client asked, and joins the two until one ends or the request
// is cut. What the application answers instead of a WebSocket is passed on.
func (d *Door) carrySocket(w *recorder, r *http.Request, a *ask) {
	conn, err := d.dialSocket(r.Context(), a)
	if err != nil {
		d.notCarried(w, r, a, err)
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(r.Context(), func() { _ = conn.Close() }) // while shaking hands
	limited := &io.LimitedReader{R: conn, N: responseBytes}
	back := bufio.NewReader(limited)
	res, err := d.shakeHands(conn, back, r, a)
	limited.N = math.MaxInt64
	if !stop() {
		err = context.Cause(r.Context())
	}
	if err != nil {
		d.notCarried(w, r, a, fmt.Errorf("opening a WebSocket: %w", err))
		return
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		d.answer(w, r, a, conn, res)
		return
	}
	client, err := d.switchOver(w, res, a)
	if err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("switching to a WebSocket")
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	t := &tunnel{client: client, upstream: side{conn, back}, frames: newFrames(client.Conn), idle: newIdle(a.route.IdleTimeout, cancel)}
	defer t.idle.stop()
	t.run(ctx)
	w.bytes = t.down
}

// dialSocket connects to the target whose turn it is, or to the next that can be reached.
func (d *Door) dialSocket(ctx context.Context, a *ask) (conn net.Conn, err error) {
	for target := range a.route.inTurn {
		a.target, a.upstream = target, target.Host
		if target.Scheme == "https" {
			secure := &tls.Dialer{NetDialer: newDialer(), Config: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
			conn, err = secure.DialContext(ctx, "tcp", address(target))
		} else {
			conn, err = newDialer().DialContext(ctx, "tcp", address(target))
		}
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
	}
	return nil, err
}

// shakeHands asks the application for a WebSocket, and gives its answer.
func (d *Door) shakeHands(conn net.Conn, back *bufio.Reader, r *http.Request, a *ask) (*http.Response, error) {
	patience := a.route.Timeout
	if patience <= 0 {
		patience = handshakeTime
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	out := &http.Request{
		Method: http.MethodGet, ProtoMajor: 1, ProtoMinor: 1, Header: r.Header.Clone(), Host: a.route.hostFor(a.target, a.origin),
		URL: &url.URL{Scheme: a.target.Scheme, Host: a.target.Host, Opaque: a.in.Request.Path, RawQuery: a.in.Request.Query},
	}
	a.give(out.Header)
	out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	if _, sent := out.Header["User-Agent"]; !sent {
		out.Header["User-Agent"] = []string{""} // else net/http sends its own
	}
	if err := out.Write(conn); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(back, out)
	for err == nil && res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
		res, err = http.ReadResponse(back, out)
	}
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, accepted(res.Header, r.Header.Get("Sec-Websocket-Key"))
	}
	return res, nil
}

// accepted checks that the application understood the handshake (RFC 6455, section 4.1).
func accepted(h http.Header, key string) error {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	switch {
	case !strings.EqualFold(h.Get("Upgrade"), "websocket"), !httpguts.HeaderValuesContainsToken(h["Connection"], "upgrade"):
		return errors.New("the application switched to a protocol that was not asked for")
	case h.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return errors.New("the application did not accept the key of the handshake")
	}
	return nil
}

// answer passes on a response that is no WebSocket, until the request is cut. The connection goes before the body, which
// may never end: closing a body reads what is left of it.
func (d *Door) answer(w *recorder, r *http.Request, a *ask, conn net.Conn, res *http.Response) {
	defer res.Body.Close()
	defer conn.Close()
	defer context.AfterFunc(r.Context(), func() { _ = conn.Close() })()
	dropHops(res.Header)
	d.outgoing(res.Header, a)
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, res.Body); err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("passing on a response")
		panic(http.ErrAbortHandler) // half an answer must not look whole: this is how net/http is told
	}
}

// switchOver takes the client's connection from net/http and tells the client that it is a WebSocket now.
func (d *Door) switchOver(w *recorder, res *http.Response, a *ask) (side, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return side{}, err
	}
	w.status = http.StatusSwitchingProtocols
	dropHops(res.Header)
	d.outgoing(res.Header, a)
	res.Header["Connection"], res.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return side{}, errors.Join(err, conn.Close())
	}
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n") // Flush gives the error
	_ = res.Header.Write(rw)
	_, _ = rw.WriteString("\r\n")
	if err := rw.Flush(); err != nil {
		return side{}, errors.Join(err, conn.Close())
	}
	return side{conn, rw.Reader}, nil
}
