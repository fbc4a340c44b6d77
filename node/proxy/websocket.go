package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" // RFC 6455 asks for it, and nothing rests on it
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

	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

const (
	handshakeTime = 30 * time.Second       // for the application to answer a handshake, where the route sets no time
	frameTime     = 250 * time.Millisecond // for the present frame to end, when a WebSocket is cut
	farewellTime  = time.Second            // for the client to take the close frame
	leaveTime     = 5 * time.Second        // for one side to end after the other did
)

// carrySocket opens a WebSocket to the application as the client asked, and joins the two until one ends or the request
// is cut. What the application answers instead of a WebSocket is passed on.
func (d *Door) carrySocket(a *ask) {
	life := &a.r.Life
	conn, err := a.dial(dialSocket)
	if err != nil {
		d.notCarried(a, err)
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(life, func() { _ = conn.Close() }) // while shaking hands
	limited := &io.LimitedReader{R: conn, N: responseBytes}
	back := bufio.NewReader(limited)
	res, err := d.shakeHands(conn, back, a)
	limited.N = math.MaxInt64
	if !stop() {
		err = life.Cause()
	}
	if err != nil {
		if life.Err() == nil {
			a.call.Failed(upstream.Classify(err), false)
		}
		d.notCarried(a, fmt.Errorf("opening a WebSocket: %w", err))
		return
	}
	a.call.Answered(res.StatusCode)
	if res.StatusCode != http.StatusSwitchingProtocols {
		d.answer(a, conn, res)
		return
	}
	client, err := d.switchOver(res, a)
	if err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("switching to a WebSocket")
		return
	}
	t := &tunnel{client: client, upstream: side{conn, back}, frames: newFrames(client.Conn), idle: newIdle(a.route.IdleTimeout, life)}
	defer t.idle.stop()
	t.run(life)
	a.w.bytes = t.down
}

// dialSocket connects for HTTP/1.1.
func dialSocket(ctx context.Context, reach *upstream.Reach) (net.Conn, error) {
	if reach.Endpoint.Secure() {
		return reach.DialTLS1(ctx)
	}
	return reach.Dial(ctx, "", "")
}

// shakeHands asks the application for a WebSocket, and gives its answer.
func (d *Door) shakeHands(conn net.Conn, back *bufio.Reader, a *ask) (*http.Response, error) {
	patience := a.route.Timeout
	if patience <= 0 {
		patience = handshakeTime
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	out := &http.Request{
		Method: http.MethodGet, ProtoMajor: 1, ProtoMinor: 1, Header: a.r.Fields.Header(), Host: a.route.hostFor(a.target, a.origin),
		URL: &url.URL{Scheme: a.target.scheme(), Host: a.target.host(), Opaque: a.in.Request.Path, RawQuery: a.in.Request.Query},
	}
	give(out.Header, a.given)
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
		return res, accepted(res.Header, out.Header.Get("Sec-Websocket-Key"))
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
func (d *Door) answer(a *ask, conn net.Conn, res *http.Response) {
	defer res.Body.Close()
	defer conn.Close()
	defer context.AfterFunc(&a.r.Life, func() { _ = conn.Close() })()
	fields := http1.Fields(nil).Flat(res.Header)
	d.outgoing(&fields, a)
	a.w.Begin(http1.Reply{Status: res.StatusCode, Fields: fields, Length: res.ContentLength})
	_, err := io.Copy(&a.w, res.Body)
	if err == nil {
		err = a.w.Finish(nil)
	}
	if err != nil { // half an answer must not look whole, and is not finished
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("passing on a response")
	}
}

// switchOver takes the client's connection and tells the client that it is a WebSocket now.
func (d *Door) switchOver(res *http.Response, a *ask) (side, error) {
	conn, held, err := a.w.Hijack()
	if err != nil {
		return side{}, err
	}
	a.w.status = http.StatusSwitchingProtocols
	fields := http1.Fields(nil).Flat(res.Header)
	d.outgoing(&fields, a)
	h := fields.Header()
	h["X-Request-Id"], h["Connection"], h["Upgrade"] = []string{a.id}, []string{"Upgrade"}, []string{"websocket"}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	_, err = conn.Write(b.Bytes())
	if err := errors.Join(conn.SetDeadline(time.Time{}), err); err != nil {
		return side{}, errors.Join(err, conn.Close())
	}
	return sideOf(conn, held), nil
}
