package http1

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// errWaited is what reading gives where a socket would have to be waited for.
var errWaited = errors.New("it waited")

// piecewise gives one piece a read, then errWaited.
type piecewise struct {
	pieces []string
	waited bool // it was asked for more than there is
}

func (p *piecewise) Read(b []byte) (int, error) {
	if p.waited = len(p.pieces) == 0; p.waited {
		return 0, errWaited
	}
	n := copy(b, p.pieces[0])
	if p.pieces[0] = p.pieces[0][n:]; p.pieces[0] == "" {
		p.pieces = p.pieces[1:]
	}
	return n, nil
}

func chunkedBody(from *piecewise) *body {
	in := newInput(&canned{Reader: from}, &buffers{})
	return &body{in: &in, chunked: true}
}

func pieces(all ...string) *piecewise { return &piecewise{pieces: all} }

const twoChunks = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nSum: 7\r\n\r\n"

func TestChunksThatAreThereComeTogetherWithTheirEnd(t *testing.T) {
	b := chunkedBody(pieces(twoChunks))
	room := make([]byte, 100)
	if n, err := b.Read(room); string(room[:n]) != "abcdefg" || err != io.EOF {
		t.Errorf("%q, %v", room[:n], err)
	}
	if sum, _ := b.Trailers().Get("Sum"); sum != "7" || !b.done() {
		t.Errorf("%q behind it, done %v", sum, b.done())
	}
}

func TestNoMoreOfAChunkIsReadThanThereIsRoomFor(t *testing.T) {
	b := chunkedBody(pieces(twoChunks))
	whole := []byte("----------")
	if n, err := b.Read(whole[:5]); n != 5 || err != nil || string(whole) != "abcde-----" {
		t.Errorf("%d, %v: %q", n, err, whole)
	}
	if n, err := b.Read(whole[:2]); n != 2 || err != io.EOF || string(whole[:2]) != "fg" {
		t.Errorf("%d, %v: %q", n, err, whole)
	}
}

func TestChunksThatAreThereDoNotWaitForOthers(t *testing.T) {
	for cut := 1; cut < len(twoChunks); cut++ {
		from := pieces(twoChunks[:cut])
		b := chunkedBody(from)
		room, got := make([]byte, 100), ""
		var err error
		for err == nil {
			var n int
			n, err = b.Read(room)
			got += string(room[:n])
			if n > 0 && (from.waited || err != nil) {
				t.Errorf("cut at %d: %d bytes waited for more, %v", cut, n, err)
			}
		}
		want := strings.Map(func(c rune) rune {
			if strings.ContainsRune("abcdefg", c) {
				return c
			}
			return -1
		}, twoChunks[:cut])
		if got != want || !errors.Is(err, errWaited) {
			t.Errorf("cut at %d: %q came, %v", cut, got, err)
		}
		b = chunkedBody(pieces(twoChunks[:cut], twoChunks[cut:]))
		if all, err := io.ReadAll(b); string(all) != "abcdefg" || err != nil {
			t.Errorf("in two pieces at %d: %q, %v", cut, all, err)
		}
	}
}

func TestABadChunkBehindAGoodOneIsToldOf(t *testing.T) {
	b := chunkedBody(pieces("3\r\nabc\r\nzz\r\n"))
	room := make([]byte, 100)
	if n, err := b.Read(room); string(room[:n]) != "abc" || err != nil {
		t.Errorf("%q, %v", room[:n], err)
	}
	var m *Malformed
	if _, err := b.Read(room); !errors.As(err, &m) {
		t.Error(err)
	}
}
