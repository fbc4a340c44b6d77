package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// tunnel is a connection to the far end, and what was read from it already.
type tunnel struct {
	net.Conn
	from *bufio.Reader
}

// join copies both ways until the far end has ended; the near end may end before, and then still hears.
func (t *tunnel) join(in io.Reader, out io.Writer) error {
	defer t.Close()
	go func() { _ = t.send(in) }() // it ends with the connection, or with the process
	return t.receive(out)
}

// send carries what the near end says, and that it has ended.
func (t *tunnel) send(in io.Reader) error {
	if _, err := io.Copy(t.Conn, in); err != nil {
		return err
	}
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// receive carries what the far end says, until it has ended.
func (t *tunnel) receive(out io.Writer) error {
	_, err := io.Copy(out, t.from)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was cut: you may no longer be let in, or the far end broke it off")
	}
	if err != nil {
		return fmt.Errorf("the connection broke: %w", err)
	}
	return nil
}

// connectAll takes connections and connects each of them, until it is told to end.
func (t terminal) connectAll(ctx context.Context, f far, address string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	fmt.Fprintf(t.err, "Connections to %s are carried to %s.\n", listener.Addr(), f.name)
	var all errgroup.Group
	for {
		near, err := listener.Accept()
		if ctx.Err() != nil {
			return nil // what is open ends with the process
		}
		if err != nil {
			return fmt.Errorf("taking connections on %s: %w", address, err)
		}
		all.Go(func() error {
			if err := f.connectOne(ctx, near); err != nil {
				fmt.Fprintf(t.err, "picket: %v\n", err)
			}
			return nil
		})
	}
}

// connectOne carries one connection, each way until it ends.
func (f far) connectOne(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	near, ok := conn.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("%s is no TCP connection", conn.RemoteAddr())
	}
	made, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer made.Close()
	var both errgroup.Group
	both.Go(func() error { _ = made.send(near); return nil }) // what keeps it from arriving is told on the way back
	both.Go(func() error {
		err := made.receive(near)
		if err != nil {
			_ = near.SetLinger(0) // what was cut there is cut here
			return errors.Join(err, near.Close())
		}
		return near.CloseWrite()
	})
	return both.Wait()
}
