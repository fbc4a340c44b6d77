//go:build e2e

package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"picket/examples/ports"
)

// line is what lies between two places: it takes its time, and can be cut. What is on its way when it is cut never arrives,
// and nobody is told.
type line struct {
	delay time.Duration // one way

	mu    sync.Mutex
	down  bool              // guarded by mu
	ends  map[string]string // guarded by mu: by where it leads, where it begins
	conns []net.Conn        // guarded by mu
}

func newLine(t *testing.T, delay time.Duration) *line {
	l := &line{delay: delay, ends: map[string]string{}}
	t.Cleanup(func() { l.cut(true) })
	return l
}

// to is the address at which the line to a target begins.
func (l *line) to(t *testing.T, target string) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if near := l.ends[target]; near != "" {
		return near
	}
	listener := listen(t, ports.One(t))
	t.Cleanup(func() { _ = listener.Close() })
	l.ends[target] = listener.Addr().String()
	go l.accept(listener, target)
	return l.ends[target]
}

func (l *line) accept(listener net.Listener, target string) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go l.join(near, target)
	}
}

func (l *line) join(near net.Conn, target string) {
	far, err := net.Dial("tcp", target)
	if err != nil {
		_ = near.Close()
		return
	}
	l.mu.Lock()
	l.conns = append(l.conns, near, far)
	l.mu.Unlock()
	go l.carry(near, far)
	go l.carry(far, near)
}

// parcel is some bytes and when they arrive; no bytes: the end.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry takes bytes from one end to the other, each as late as the line is long.
func (l *line) carry(from, to net.Conn) {
	under := make(chan parcel, 1024)
	go func() {
		defer func() { _ = to.Close() }()
		for p := range under {
			time.Sleep(time.Until(p.due))
			if l.isDown() {
				continue
			}
			if _, err := to.Write(p.bytes); err != nil {
				_, _ = io.Copy(io.Discard, from)
			}
		}
	}()
	defer close(under)
	for {
		b := make([]byte, 16<<10)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		under <- parcel{bytes: b[:n], due: time.Now().Add(l.delay)}
	}
}

func (l *line) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// cut cuts the line, or mends it. Connections do not survive a mended line: bytes of them are missing.
func (l *line) cut(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	if !down {
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
	}
}
