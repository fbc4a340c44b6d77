package http1

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

// writes are what was written, and how many bytes at once.
type writes struct {
	bytes.Buffer
	each []int
}

func (s *writes) Write(p []byte) (int, error) {
	s.each = append(s.each, len(p))
	return s.Buffer.Write(p)
}

func TestPiecesFillRecords(t *testing.T) {
	for _, c := range []struct{ pieces, want []int }{
		{[]int{300, 8000, 2}, []int{8302}},
		{[]int{300, recordSize - 300}, []int{recordSize}},
		{[]int{300, recordSize - 299, 2}, []int{recordSize, 3}},
		{[]int{0, 3 * recordSize}, []int{3 * recordSize}},
		{[]int{6, 4*recordSize + 5, 2}, []int{recordSize, 3 * recordSize, 13}},
		{[]int{recordSize, 2}, []int{recordSize, 2}},
		{[]int{0, 0}, nil},
	} {
		var got writes
		var want []byte
		held, err := make([]byte, 0, recordSize), error(nil)
		for i, n := range c.pieces {
			piece := bytes.Repeat([]byte{byte('a' + i)}, n)
			want = append(want, piece...)
			if held, err = fill(&got, held, piece); err != nil {
				t.Fatal(err)
			}
		}
		if len(held) > 0 {
			_, _ = got.Write(held)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%v: other bytes", c.pieces)
		}
		if !slices.Equal(got.each, c.want) {
			t.Errorf("%v are written in %v, want %v", c.pieces, got.each, c.want)
		}
	}
}

// heard counts the records with data that come, of TLS 1.2: they say what they hold.
type heard struct {
	net.Conn
	all bytes.Buffer
}

func (c *heard) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.all.Write(p[:n])
	return n, err
}

func (c *heard) records() (n int) {
	for rest := c.all.Bytes(); len(rest) >= 5; rest = rest[5+(int(rest[3])<<8|int(rest[4])):] {
		if rest[0] == 23 {
			n++
		}
	}
	return n
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

func TestAnAnswerOverTLSComesInFewRecords(t *testing.T) {
	body := make([]byte, 40<<10)
	for i := range body {
		body[i] = byte(rand.IntN(256))
	}
	s := &Server{Handler: adapted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		_, _ = w.Write(body[:size])
	}))}
	address := secureServer(t, s)
	for target, most := range map[string]int{
		"/known?size=8000": 1, "/chunks?size=8000": 2, // the last chunk comes later
		"/known?size=40000": 3, "/chunks?size=40000": 4,
	} {
		wire := &heard{Conn: dial(t, address)}
		conn := tls.Client(wire, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		wire.all.Reset()
		if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body[:len(got)]) || len(got) < 8000 {
			t.Errorf("%s: %d bytes, %v", target, len(got), err)
		}
		if n := wire.records(); n > most {
			t.Errorf("%s: it came in %d records, want at most %d", target, n, most)
		}
	}
}
