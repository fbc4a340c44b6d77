package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/sync/errgroup"

	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

// lookupTime is for the name of the upstream to be looked up: nothing is sent to connect.
const lookupTime = 5 * time.Second

// mostDatagram is the longest payload of UDP, in bytes.
const mostDatagram = 65527

// carryUDP joins the client with a UDP socket to the upstream, datagram by datagram, until the client ends, nothing is sent for too
// long, or the request is cut.
func (d *Door) carryUDP(a *ask) {
	life := &a.r.Life
	conn, err := a.dial(dialDatagrams)
	if err != nil {
		d.notCarried(a, err)
		return
	}
	defer conn.Close()
	a.call.Answered(http.StatusOK)
	client, err := openDatagrams(a)
	if err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("opening a way for datagrams")
		return
	}
	idle := newIdle(d, a)
	defer idle.stop()
	defer atEnd(life, func() { client.abort(); _ = conn.Close() })()
	var both errgroup.Group
	both.Go(func() error {
		defer conn.Close() // nobody is left to hear an answer
		return client.receive(func(payload []byte) {
			idle.alive()
			n, _ := conn.Write(payload) // one that is lost is lost, as UDP has it
			a.received += int64(n)
		})
	})
	both.Go(func() error {
		err := sendAll(a, conn, client, idle)
		if err != nil {
			client.abort()
		}
		return err
	})
	_ = both.Wait()        // datagrams have no end that could be wrong
	if life.Err() == nil { // else it was cut, which must not look like an end, though nobody has come to abort it yet
		client.end(a)
	}
}

// dialDatagrams makes a socket that hears of the upstream alone.
func dialDatagrams(ctx context.Context, reach *upstream.Reach) (net.Conn, error) {
	return (&net.Dialer{Timeout: lookupTime}).DialContext(ctx, "udp", reach.Endpoint.Address)
}

// sendAll passes on what the upstream sends.
func sendAll(a *ask, from net.Conn, to datagrams, idle *idle) error {
	buffer := make([]byte, mostDatagram)
	for {
		n, err := from.Read(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case passes(err):
			continue
		case err != nil: // and so it would be at once, again and again
			return fmt.Errorf("hearing the upstream: %w", err)
		}
		idle.alive()
		if err := to.send(buffer[:n]); err != nil {
			return err
		}
		a.w.bytes += int64(n)
	}
}

// passes tells whether an error tells of one datagram that did not arrive (ICMP), and of nothing beyond.
func passes(err error) bool {
	for _, one := range [...]error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENOPROTOOPT, syscall.EPROTO,
		syscall.EACCES, syscall.EMSGSIZE,
	} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// datagrams are the client's end.
type datagrams interface {
	send(payload []byte) error
	receive(each func(payload []byte)) error // until the client ends
	abort()                                  // at once
	end(a *ask)
}

// openDatagrams tells the client that datagrams are carried from now on, and takes its stream or its connection.
func openDatagrams(a *ask) (datagrams, error) {
	fields := http1.Fields{{Name: http3.CapsuleProtocolHeader, Value: "?1"}}
	if c, ok := a.w.Client.(*netClient); ok && a.r.Major == 3 {
		if s, ok := c.w.(overQUIC); ok {
			a.w.Begin(http1.Reply{Status: http.StatusOK, Fields: fields, Length: -1})
			c.leave() // the stream is ours
			stream, err := s.HTTPStream()
			return &quicDatagrams{capsules: capsules{r: stream, w: stream}, stream: stream, takes: s.TakesDatagrams}, err
		}
	}
	client, ok := streamOf(a, http1.Reply{Status: http.StatusOK, Fields: fields, Length: -1})
	if ok {
		return &capsules{r: client, w: client, half: client}, a.w.Flush()
	}
	conn, held, err := a.w.Hijack()
	if err != nil {
		return nil, err
	}
	a.w.status = http.StatusSwitchingProtocols
	err = welcome(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+connectUDP+
		"\r\nCapsule-Protocol: ?1\r\nX-Request-Id: "+a.id+"\r\n\r\n")
	if err != nil {
		return nil, err
	}
	whole := sideOf(conn, held)
	return &capsules{r: whole, w: whole, half: whole}, nil
}

// capsules carry datagrams on a stream (RFC 9297, section 3.5).
type capsules struct {
	r    io.Reader
	w    io.Writer
	half half // nil: of HTTP/3
}

// datagramCapsule is the type of those that hold a datagram, and udpContext what a datagram begins with that is a payload of UDP
// (RFC 9298, section 5).
const (
	datagramCapsule = 0
	udpContext      = 0
)

func (c *capsules) send(payload []byte) error {
	b := quicvarint.Append(make([]byte, 0, len(payload)+16), datagramCapsule)
	b = quicvarint.Append(b, uint64(len(payload)+1))
	b = append(b, udpContext)
	_, err := c.w.Write(append(b, payload...))
	return err
}

// errCapsule is what is wrong with a client.
var errCapsule = errors.New("a capsule is longer than a datagram can be")

func (c *capsules) receive(each func(payload []byte)) error {
	from := bufio.NewReaderSize(c.r, 4<<10)
	parser := http3.NewCapsuleParser(from)
	for {
		kind, capsule, err := parser.Next()
		if err != nil {
			return err
		}
		if kind != datagramCapsule { // what is not known is passed over (RFC 9297, section 3.2)
			if err := capsule.Discard(); err != nil {
				return err
			}
			continue
		}
		if capsule.Remaining() > mostDatagram+8 {
			return errCapsule
		}
		held := make([]byte, capsule.Remaining())
		if _, err := io.ReadFull(capsule, held); err != nil {
			return err
		}
		if payload, ok := payloadOf(held); ok {
			each(payload)
		}
	}
}

// payloadOf is what a datagram of HTTP holds for UDP; ok is false for another context, which nobody has agreed on.
func payloadOf(datagram []byte) (payload []byte, ok bool) {
	about, n, err := quicvarint.Parse(datagram)
	return datagram[min(n, len(datagram)):], err == nil && about == udpContext && len(datagram)-n <= mostDatagram
}

func (c *capsules) abort() { c.half.abort() }

func (c *capsules) end(a *ask) {
	if a.r.Major == 1 {
		_ = c.half.Close()
		return
	}
	_ = a.w.Finish(nil)
}

// overQUIC is a response of HTTP/3.
type overQUIC interface {
	HTTPStream() (*http3.Stream, error)
	TakesDatagrams() bool
}

// quicDatagrams carry datagrams as such (RFC 9297, section 2.1), and take capsules too. A client that takes none is sent capsules.
type quicDatagrams struct {
	capsules
	stream *http3.Stream
	takes  func() bool
}

func (q *quicDatagrams) send(payload []byte) error {
	if !q.takes() {
		return q.capsules.send(payload)
	}
	var long *quic.DatagramTooLargeError
	err := q.stream.SendDatagram(append([]byte{udpContext}, payload...))
	if errors.As(err, &long) {
		return nil // it is lost, as one that is too long for a path is (RFC 9298, section 6)
	}
	return err
}

func (q *quicDatagrams) receive(each func(payload []byte)) error {
	ctx, cancel := context.WithCancel(q.stream.Context())
	defer cancel()
	var both errgroup.Group
	locked := make(chan struct{}, 1)
	one := func(payload []byte) {
		locked <- struct{}{}
		each(payload)
		<-locked
	}
	both.Go(func() error {
		defer cancel()
		return q.capsules.receive(one)
	})
	both.Go(func() error {
		for {
			datagram, err := q.stream.ReceiveDatagram(ctx)
			if err != nil {
				return err
			}
			if payload, ok := payloadOf(datagram); ok {
				one(payload)
			}
		}
	})
	return both.Wait()
}

func (q *quicDatagrams) abort() {
	q.stream.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	q.stream.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
}

func (q *quicDatagrams) end(a *ask) {
	_ = q.stream.Close()
	_ = a.w.Finish(nil)
}
