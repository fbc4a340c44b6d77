package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1" // RFC 6455 asks for it, and nothing rests on it
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
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

// carryUpgrade has the application switch to another protocol as the client asked, and joins the two until both have ended or the
// request is cut. What the application answers instead is passed on.
func (d *Door) carryUpgrade(a *ask) {
	conn, err := a.dial(dialSocket)
	if err != nil {
		d.notCarried(a, err)
		return
	}
	client, app := d.upgraded(a, conn)
	if client == nil {
		_ = conn.Close()
		return
	}
	d.goOn(a, func() {
		if d.join(a, client, app) {
			_ = a.w.Finish(nil) // of a stream; a connection of its own has been handed over
		}
	})
}

// upgraded has the application, at a connection, and then the client switch, and gives the two ends. They are nil when that did not
// come about, and the request has been answered.
func (d *Door) upgraded(a *ask, conn net.Conn) (client, app half) {
	life := &a.r.Life
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
		d.notCarried(a, fmt.Errorf("switching to %s: %w", a.wants, err))
		return nil, nil
	}
	a.call.Answered(res.StatusCode)
	if res.StatusCode != http.StatusSwitchingProtocols {
		d.answer(a, conn, res)
		return nil, nil
	}
	client, err = d.switchOver(res, a)
	if err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("switching to another protocol")
		return nil, nil
	}
	return client, behind(conn, back)
}

// behind is the application's end, behind the head of its answer.
func behind(conn net.Conn, back *bufio.Reader) side {
	held, _ := back.Peek(back.Buffered()) // all of it is there
	return sideOf(conn, bytes.Clone(held))
}

// join joins the two ends of what was switched to and closes them, and tells whether what was sent to the client is whole.
func (d *Door) join(a *ask, client, app half) bool {
	if !a.in.Request.WebSocket { // which says itself that it is over
		return d.joinBytes(a, client, app)
	}
	idle := newIdle(d, a)
	defer idle.stop()
	t := &tunnel{client: client, upstream: app, frames: newFrames(client), idle: idle, rooms: &d.rooms}
	t.run(&a.r.Life)
	a.w.bytes = t.down
	return true
}

// dialSocket connects for HTTP/1.1.
func dialSocket(ctx context.Context, reach *upstream.Reach) (net.Conn, error) {
	if reach.Endpoint.Secure() {
		return reach.DialTLS1(ctx)
	}
	return reach.Dial(ctx, "", "")
}

// shakeHands asks the application to switch, and gives its answer.
func (d *Door) shakeHands(conn net.Conn, back *bufio.Reader, a *ask) (*http.Response, error) {
	patience := a.route.Timeout
	if patience <= 0 {
		patience = handshakeTime
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	out := &http.Request{
		Method: a.r.Method, ProtoMajor: 1, ProtoMinor: 1, Header: a.route.asked.without(a.r.Fields).Header(), Host: a.route.hostFor(a.target, a.origin),
		URL: &url.URL{Scheme: a.target.scheme(), Host: a.target.host(), Opaque: a.upstreamPath(), RawQuery: a.in.Request.Query},
	}
	give(out.Header, a.given)
	out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{a.wants}
	if a.r.Protocol != "" {
		out.Header["Sec-Websocket-Key"] = []string{newSocketKey()} // which only HTTP/1.1 has
	}
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
		return res, accepted(res.Header, a.wants, out.Header.Get("Sec-Websocket-Key"))
	}
	return res, nil
}

// newSocketKey is the nonce of a handshake (RFC 6455, section 4.1).
func newSocketKey() string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// accepted checks that the application switched to what was asked for, and understood the handshake of a WebSocket (RFC 6455,
// section 4.1).
func accepted(h http.Header, token, key string) error {
	if !strings.EqualFold(h.Get("Upgrade"), token) || !httpguts.HeaderValuesContainsToken(h["Connection"], "upgrade") {
		return errors.New("the application switched to a protocol that was not asked for")
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if token == webSocket && h.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
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

// switchOver tells the client that the other protocol begins, and gives its end of it: the connection or, over HTTP/2 and HTTP/3,
// the stream.
func (d *Door) switchOver(res *http.Response, a *ask) (half, error) {
	fields := http1.Fields(nil).Flat(res.Header)
	d.outgoing(&fields, a)
	fields = slices.DeleteFunc(fields, func(f http1.Field) bool { return f.Known() == http1.ContentLength }) // nothing of what follows is a body
	onStream := slices.DeleteFunc(slices.Clone(fields), func(f http1.Field) bool { return f.Name == "Sec-Websocket-Accept" })
	if client, ok := streamOf(a, http1.Reply{Status: http.StatusOK, Fields: onStream, Length: -1}); ok {
		return client, a.w.Flush()
	}
	conn, held, err := a.w.Hijack()
	if err != nil {
		return nil, err
	}
	a.w.status = http.StatusSwitchingProtocols
	h := fields.Header()
	h["X-Request-Id"], h["Connection"], h["Upgrade"] = []string{a.id}, []string{"Upgrade"}, []string{a.wants}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	if err := welcome(conn, b.String()); err != nil {
		return nil, err
	}
	return sideOf(conn, held), nil
}
