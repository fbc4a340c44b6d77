package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/sync/errgroup"
)

const (
	mostDatagram  = 65527           // the longest payload of UDP, in bytes
	mostPeers     = 256             // programs that have a way of their own; more are not heard
	datagramQuiet = 2 * time.Minute // nothing sent for so long: the way ends, and begins anew with the next datagram
)

// ways are those of the programs that send datagrams to this one, by their address.
type ways struct {
	far    far
	socket *net.UDPConn
	tell   io.Writer

	mu  sync.Mutex
	all map[netip.AddrPort]*way // guarded by mu
}

// way is a tunnel for the datagrams of one program.
type way struct {
	sent  chan []byte
	quiet *time.Timer
	end   context.CancelFunc
}

// connectDatagrams takes datagrams until it is told to end, and carries them to the far end and back.
func (t terminal) connectDatagrams(ctx context.Context, f far, address string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return misused("%q is not HOST:PORT", address)
	}
	socket, err := net.ListenUDP("udp", at)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	fmt.Fprintf(t.err, "Datagrams to %s are carried to %s.\n", socket.LocalAddr(), f.name)
	w := &ways{far: f, socket: socket, tell: t.err, all: map[netip.AddrPort]*way{}}
	var open errgroup.Group
	for buffer := make([]byte, mostDatagram); ; {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if ctx.Err() != nil {
			return nil // what is open ends with the process
		}
		if err != nil {
			return fmt.Errorf("taking datagrams on %s: %w", address, err)
		}
		w.send(ctx, &open, from, append([]byte(nil), buffer[:n]...))
	}
}

// send gives a datagram to the way of its program, which is begun when there is none. One that comes too fast is lost, as UDP has it.
func (w *ways) send(ctx context.Context, open *errgroup.Group, from netip.AddrPort, payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.all[from]
	if one == nil {
		if len(w.all) >= mostPeers {
			return
		}
		ctx, end := context.WithCancel(ctx)
		one = &way{sent: make(chan []byte, 64), end: end, quiet: time.AfterFunc(datagramQuiet, end)}
		w.all[from] = one
		open.Go(func() error { w.carry(ctx, from, one); return nil })
	}
	one.quiet.Reset(datagramQuiet)
	select {
	case one.sent <- payload:
	default:
	}
}

// carry opens a way and keeps it until it ends.
func (w *ways) carry(ctx context.Context, from netip.AddrPort, one *way) {
	defer func() {
		one.end()
		w.mu.Lock()
		delete(w.all, from)
		w.mu.Unlock()
	}()
	made, err := w.far.openDatagrams(ctx)
	if err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(w.tell, "picket: %v\n", err)
		}
		return
	}
	defer context.AfterFunc(ctx, func() { _ = made.Close() })()
	var both errgroup.Group
	both.Go(func() error { defer one.end(); return made.sendDatagrams(ctx, one.sent) })
	both.Go(func() error {
		defer one.end()
		return made.receiveDatagrams(func(payload []byte) {
			one.quiet.Reset(datagramQuiet)
			_, _ = w.socket.WriteToUDPAddrPort(payload, from) // one that is lost is lost
		})
	})
	if err := both.Wait(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
		fmt.Fprintf(w.tell, "picket: the way to %s was cut: %v\n", w.far.name, err)
	}
}

// openDatagrams asks the door for CONNECT-UDP, in the form that passes wherever HTTPS does (RFC 9298, section 3.2).
func (f far) openDatagrams(ctx context.Context) (*tunnel, error) {
	host, port, err := net.SplitHostPort(f.name)
	if err != nil {
		return nil, misused("%q is not HOST:PORT", f.name)
	}
	path := "/.well-known/masque/udp/" + url.PathEscape(host) + "/" + port + "/"
	begin := "GET " + path + " HTTP/1.1\r\nHost: " + f.door.authority(f.host) + "\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\nCapsule-Protocol: ?1\r\n"
	return f.openBy(ctx, begin, http.MethodGet, http.StatusSwitchingProtocols)
}

// authority is a host at the port of the door.
func (d doorway) authority(host string) string { return net.JoinHostPort(host, d.port) }

// sendDatagrams sends each as a capsule (RFC 9297, section 3.5).
func (t *tunnel) sendDatagrams(ctx context.Context, all <-chan []byte) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case payload := <-all:
			b := quicvarint.Append(make([]byte, 0, len(payload)+16), 0)
			b = quicvarint.Append(b, uint64(len(payload)+1))
			if _, err := t.Write(append(append(b, 0), payload...)); err != nil {
				return err
			}
		}
	}
}

// receiveDatagrams reads capsules until the far end has ended.
func (t *tunnel) receiveDatagrams(each func(payload []byte)) error {
	parser := http3.NewCapsuleParser(t.from)
	for {
		kind, capsule, err := parser.Next()
		if err != nil {
			return err
		}
		if kind != 0 || capsule.Remaining() > mostDatagram+1 {
			if err := capsule.Discard(); err != nil {
				return err
			}
			continue
		}
		held, err := io.ReadAll(capsule)
		if err != nil {
			return err
		}
		if len(held) > 0 && held[0] == 0 { // else of another context
			each(held[1:])
		}
	}
}
