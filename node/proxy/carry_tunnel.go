package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// carryTunnel connects to the upstream and joins it with the client, until both have ended or the request is cut. cancel
// cuts it.
func (d *Door) carryTunnel(w *recorder, r *http.Request, a *ask, cancel context.CancelCauseFunc) {
	ctx := r.Context()
	conn, err := dialTCP(ctx, a)
	if err != nil {
		d.notCarried(w, r, a, err)
		return
	}
	upstream := side{Conn: conn}
	defer upstream.Close()
	client, err := openTunnel(w, r)
	if err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("opening a tunnel")
		return
	}
	defer client.Close()
	idle := newIdle(a.route.IdleTimeout, cancel)
	defer idle.stop()
	j := &joint{client: client, upstream: upstream, idle: idle}
	err = j.run(ctx)
	w.bytes, a.received = j.down, j.up
	if r.ProtoMajor > 1 && (err != nil || ctx.Err() != nil) {
		panic(http.ErrAbortHandler) // the stream is reset: half of what was sent must not look whole
	}
}

// dialTCP connects to the target whose turn it is, or to the next that can be reached.
func dialTCP(ctx context.Context, a *ask) (conn net.Conn, err error) {
	for target := range a.route.inTurn {
		a.upstream = target.Host
		conn, err = newDialer().DialContext(ctx, "tcp", target.Host)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
	}
	return nil, err
}

// openTunnel tells the client that it is connected: what it sends from now on is for the upstream.
func openTunnel(w *recorder, r *http.Request) (half, error) {
	control := http.NewResponseController(w)
	if r.ProtoMajor > 1 {
		w.WriteHeader(http.StatusOK)
		return &stream2{body: r.Body, w: w.ResponseWriter, control: control}, control.Flush()
	}
	conn, rw, err := control.Hijack()
	if err != nil {
		return nil, err
	}
	w.status = http.StatusOK
	_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nX-Request-Id: " + w.id + "\r\n\r\n") // Flush gives the error
	if err := errors.Join(conn.SetDeadline(time.Time{}), rw.Flush()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return side{conn, rw.Reader}, nil
}

// joint joins two ends.
type joint struct {
	client, upstream half
	idle             *idle
	down, up         int64 // bytes to the client, and from it; to be read after run
}

// run copies both ways until both have ended, one of them fails, or ctx ends.
func (j *joint) run(ctx context.Context) error {
	abort := func() {
		j.client.abort()
		j.upstream.abort()
	}
	defer context.AfterFunc(ctx, abort)()
	var both errgroup.Group
	both.Go(func() (err error) {
		if j.down, err = j.copy(j.client, j.upstream); err != nil {
			abort()
		}
		return err
	})
	both.Go(func() (err error) {
		if j.up, err = j.copy(j.upstream, j.client); err != nil {
			abort()
		}
		return err
	})
	return both.Wait()
}

// joinBuffer is what each direction holds while it waits, in bytes: a TLS record.
const joinBuffer = 16 << 10

// copy passes on from one end until it ends, then tells the other.
func (j *joint) copy(to, from half) (n int64, err error) {
	n, err = io.CopyBuffer(onlyWriter{to}, lively{from, j.idle}, make([]byte, joinBuffer))
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
