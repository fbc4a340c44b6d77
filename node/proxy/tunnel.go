package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/node/proxy/http1"
)

// side is one end of a tunnel: a connection, and what was read from it already (nil: nothing was).
type side struct {
	net.Conn
	buffered *bufio.Reader
}

// sideOf is a connection of which something was read.
func sideOf(conn net.Conn, held []byte) side {
	if len(held) == 0 {
		return side{Conn: conn}
	}
	buffered := bufio.NewReaderSize(bytes.NewReader(held), len(held))
	_, _ = buffered.Peek(len(held)) // all of it is there
	return side{conn, buffered}
}

// Read gives what is buffered first, then reads from the connection itself: net/http's reader beneath the buffer takes
// the end of the connection for the end of the request, and would cancel it.
func (s side) Read(p []byte) (int, error) {
	if s.buffered != nil && s.buffered.Buffered() > 0 {
		return s.buffered.Read(p)
	}
	return s.Conn.Read(p)
}

// pour passes on what one end sends until it ends. While nothing comes it holds no room for that, where that can be.
func pour(to io.Writer, from half, rooms *http1.Rooms, idle *idle) (int64, error) {
	s, ok := from.(side)
	if !ok {
		return pourStream(to, from, rooms, idle)
	}
	first, err := s.pourHeld(to)
	if err != nil {
		return first, err
	}
	n, err := http1.NewWaiter(s.Conn, rooms).Copy(to, idle.alive)
	return first + n, err
}

// pourStream is pour for what has to be read to be waited for.
func pourStream(to io.Writer, from half, rooms *http1.Rooms, idle *idle) (int64, error) {
	room := rooms.Get(-1)
	n, err := io.CopyBuffer(onlyWriter{to}, lively{from, idle}, room)
	if err == nil {
		rooms.Put(room)
	}
	return n, err
}

// pourHeld passes on what was read already.
func (s side) pourHeld(to io.Writer) (int64, error) {
	if s.buffered == nil || s.buffered.Buffered() == 0 {
		return 0, nil
	}
	held, _ := s.buffered.Peek(s.buffered.Buffered()) // all of it is there
	n, err := to.Write(held)
	_, _ = s.buffered.Discard(n)
	return int64(n), err
}

// CloseWrite tells the other end that nothing follows.
func (s side) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return s.Conn.Close()
}

// tunnel joins a client and an application that have become a WebSocket.
type tunnel struct {
	client, upstream half
	frames           *frames // to the client
	idle             *idle
	rooms            *http1.Rooms
	down             int64 // bytes sent to the client; to be read after run
}

// run copies both ways until both have ended or ctx does; then the client is sent a close frame that says so. It closes
// both connections.
func (t *tunnel) run(ctx *http1.Life) {
	defer t.client.Close()
	defer t.upstream.Close()
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		t.cut(ctx.Cause())
	})
	var both errgroup.Group
	both.Go(func() (err error) {
		t.down, err = t.copy(ctx, t.frames, t.upstream, t.client)
		return err
	})
	_, _ = t.copy(ctx, t.upstream, t.client, t.upstream)
	_ = both.Wait() // how a WebSocket ends is between its two ends
	if stop() {
		return
	}
	<-cut
	t.linger()
}

// copy passes on from one side until it ends, then tells the other, and gives it a while to end too.
func (t *tunnel) copy(ctx context.Context, to io.Writer, from, other half) (int64, error) {
	n, err := pour(to, from, t.rooms, t.idle)
	if ctx.Err() != nil {
		return n, err
	}
	return n, errors.Join(err, leave(from, other))
}

// leave tells one side that the other has ended, and gives both a while.
func leave(from, other half) error {
	until := time.Now().Add(leaveTime)
	return errors.Join(other.CloseWrite(), other.SetReadDeadline(until), from.SetWriteDeadline(until))
}

// cut ends the tunnel from here: a close frame for the client, no more for the application.
func (t *tunnel) cut(why error) {
	_ = t.client.SetWriteDeadline(time.Now().Add(farewellTime)) // a client that does not read holds nothing up
	code := closePolicy
	if errors.Is(why, errGoingAway) || errors.Is(why, errIdle) {
		code = closeGoingAway
	}
	t.frames.close(code, why.Error(), frameTime)
	_ = t.upstream.Close()
	_ = t.client.SetReadDeadline(time.Now()) // the copy from the client ends, and linger reads on
}

// linger reads what the client still sends, so that closing the connection does not take the close frame with it: data
// that was not read makes TCP answer with a reset.
func (t *tunnel) linger() {
	if err := t.client.CloseWrite(); err != nil {
		return
	}
	_ = t.client.SetReadDeadline(time.Now().Add(farewellTime))
	_, _ = io.Copy(io.Discard, t.client)
}
