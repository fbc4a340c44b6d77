package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// overheard keeps what came.
type overheard struct {
	net.Conn
	all bytes.Buffer
}

func (h *overheard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.all.Write(p[:n])
	return n, err
}

func TestAShortAnswerIsOneRecord(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 2<<10))
	}), secure(t))
	wire := &overheard{Conn: w.dial()}
	conn := tls.Client(wire, &tls.Config{ServerName: "open.test", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}) // whose records say what they hold
	w.must(conn.Handshake())
	wire.all.Reset()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	if got := text(t, w.read(conn)); len(got) != 2<<10 {
		t.Errorf("got %d bytes", len(got))
	}
	records := 0
	for rest := wire.all.Bytes(); len(rest) >= 5; rest = rest[5+(int(rest[3])<<8|int(rest[4])):] {
		if rest[0] == 23 {
			records++
		}
	}
	if records != 1 {
		t.Errorf("it came in %d records", records)
	}
}

func TestAClientThatSpeaksNothingOfOursIsToldSo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	for _, protocols := range [][]string{{"spdy/3"}, {"acme-tls/1"}, {"h3"}, {"HTTP/1.1", "H2"}} {
		_, err := tls.Dial("tcp", w.address, &tls.Config{ServerName: "open.test", InsecureSkipVerify: true, NextProtos: protocols})
		var told tls.AlertError
		var remote *net.OpError
		if !errors.As(err, &told) && !errors.As(err, &remote) || !strings.Contains(err.Error(), "no application protocol") {
			t.Errorf("%q: %v", protocols, err)
		}
	}
}

func TestNamesInTLSAreReadAsInHost(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	for _, c := range []struct {
		name, host string
		status     int
	}{
		{"OPEN.Test", "open.test", 200},
		{"open.test", "OPEN.TEST.", 200},
		{"OPEN.Test", "wiki.test", 421},
		{"*.any.test", "a.any.test", 421},
		{"wiki.test:443", "wiki.test", 421},
		{"wiki.test/", "wiki.test", 421},
		{strings.Repeat("a.", 200) + "open.test", "open.test", 421},
	} {
		conn := tls.Client(w.dial(), &tls.Config{ServerName: c.name, InsecureSkipVerify: true})
		if err := conn.Handshake(); err != nil {
			t.Logf("TLS for %q: %v", c.name, err) // it is not agreed on, as well
			continue
		}
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		w.must(err)
		if res := w.read(conn); res.StatusCode != c.status {
			t.Errorf("TLS for %q, Host %q: %s", c.name, c.host, res.Status)
		}
	}
}
