package proxy

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

// carryTunnel connects to the upstream and joins it with the client, until both have ended or the request is cut.
func (d *Door) carryTunnel(a *ask) {
	conn, err := a.dial(dialPlain)
	if err != nil {
		d.notCarried(a, err)
		return
	}
	if isAt(conn, a.rules.config.Admin.Address) {
		_ = conn.Close()
		d.notCarried(a, errAdmin)
		return
	}
	a.call.Answered(http.StatusOK)
	client, err := openTunnel(a)
	if err != nil {
		_ = conn.Close()
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("opening a tunnel")
		return
	}
	d.goOn(a, func() {
		whole := d.joinBytes(a, client, side{Conn: conn})
		if a.r.Major > 1 && whole { // else the stream is reset: half of what was sent must not look whole
			_ = a.w.Finish(nil)
		}
	})
}

// joinBytes joins two ends and closes them, and tells whether what was sent is whole.
func (d *Door) joinBytes(a *ask, client, app half) bool {
	defer app.Close()
	defer client.Close()
	life := &a.r.Life
	idle := newIdle(d, a)
	defer idle.stop()
	j := &joint{client: client, upstream: app, idle: idle, rooms: &d.rooms}
	err := j.run(life)
	a.w.bytes, a.received = j.down, j.up
	return err == nil && life.Err() == nil
}

// errAdmin is for a tunnel to where operators ask: what came through it would bear no header by which that is seen (NodeHeader).
var errAdmin = errors.New("the admin address is never reached through a route")

// isAt tells whether a connection leads to an address of this machine that is listened on: HOST:PORT.
func isAt(conn net.Conn, address string) bool {
	to, ok := conn.RemoteAddr().(*net.TCPAddr)
	host, port, err := net.SplitHostPort(address)
	if !ok || err != nil || port != strconv.Itoa(to.Port) {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("") == to.AddrPort().Addr().Unmap().WithZone("")
	}
	from, ok := conn.LocalAddr().(*net.TCPAddr) // the host is a name: a machine speaks to itself from the address that it speaks to
	return ok && from.IP.Equal(to.IP)
}

// dialPlain connects without TLS.
func dialPlain(ctx context.Context, reach *upstream.Reach) (net.Conn, error) {
	return reach.Dial(ctx, "", "")
}

// openTunnel tells the client that it is connected: what it sends from now on is for the upstream.
func openTunnel(a *ask) (half, error) {
	if s, ok := streamOf(a, http1.Reply{Status: http.StatusOK, Length: -1}); ok {
		return s, a.w.Flush()
	}
	conn, held, err := a.w.Hijack()
	if err != nil {
		return nil, err
	}
	a.w.status = http.StatusOK
	if err := welcome(conn, "HTTP/1.1 200 OK\r\nX-Request-Id: "+a.id+"\r\n\r\n"); err != nil {
		return nil, err
	}
	return sideOf(conn, held), nil
}

// welcome tells a client whose connection was handed over that something else than HTTP begins there. It closes that of one that does
// not read: nothing else ends it yet.
func welcome(conn net.Conn, head string) error {
	err := conn.SetWriteDeadline(time.Now().Add(leaveTime))
	if err == nil {
		_, err = io.WriteString(conn, head)
	}
	if err := errors.Join(err, conn.SetDeadline(time.Time{})); err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}

// joint joins two ends.
type joint struct {
	client, upstream half
	idle             *idle
	rooms            *http1.Rooms
	down, up         int64 // bytes to the client, and from it; to be read after run
}

// run copies both ways until both have ended, one of them fails, or ctx ends.
func (j *joint) run(ctx context.Context) error {
	abort := func() {
		j.client.abort()
		j.upstream.abort()
	}
	defer atEnd(ctx, abort)()
	var both errgroup.Group
	both.Go(func() (err error) {
		if j.down, err = j.copy(j.client, j.upstream); err != nil {
			abort()
		}
		return err
	})
	var err error
	if j.up, err = j.copy(j.upstream, j.client); err != nil {
		abort()
	}
	return cmp.Or(both.Wait(), err)
}

// atEnd calls f when ctx ends. What it gives prevents that or, where it is too late, waits until f has returned: what f touches is
// handed back then.
func atEnd(ctx context.Context, f func()) (settle func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// copy passes on from one end until it ends, then tells the other.
func (j *joint) copy(to, from half) (n int64, err error) {
	n, err = pour(to, from, j.rooms, j.idle)
	if err != nil {
		return n, err
	}
	return n, to.CloseWrite()
}

// onlyWriter keeps io.Copy from the ways around the buffer.
type onlyWriter struct{ io.Writer }

// lively counts each read as a sign of life.
type lively struct {
	io.Reader
	idle *idle
}

func (l lively) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	l.idle.alive()
	return n, err
}
