package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

// The opcodes of frames (RFC 6455, section 5.2), and the bit of the last of a message.
const (
	more, text1, binary2, close8, ping9, pong10 = 0, 1, 2, 8, 9, 10
	last                                        = 0x80
)

// clientFrame writes a frame as a client does: masked.
func clientFrame(first byte, payload string) []byte {
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, 0x80|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	f = append(f, mask[:]...)
	for i := range len(payload) {
		f = append(f, payload[i]^mask[i%4])
	}
	return f
}

// code is the payload of a close frame.
func code(n uint16, why string) string { return string(binary.BigEndian.AppendUint16(nil, n)) + why }

// socketCases are what a client sends, after the families of the Autobahn test suite.
func socketCases() map[string][]byte {
	bye := clientFrame(last|close8, code(1000, ""))
	then := func(frames ...[]byte) []byte { return slices.Concat(append(frames, bye)...) }
	all := map[string][]byte{
		"2 ping without payload":         then(clientFrame(last|ping9, "")),
		"2 ping of 125 bytes":            then(clientFrame(last|ping9, strings.Repeat("\xfe", 125))),
		"2 ping of 126 bytes":            clientFrame(last|ping9, strings.Repeat("x", 126)),
		"2 pong that nobody asked for":   then(clientFrame(last|pong10, "unsolicited"), clientFrame(last|ping9, "p")),
		"2 ten pings":                    then(bytes.Repeat(clientFrame(last|ping9, "again"), 10)),
		"3 reserved bit 1":               clientFrame(last|0x40|text1, "x"),
		"3 reserved bits 2 and 3":        clientFrame(last|0x30|text1, "x"),
		"4 reserved data opcode":         clientFrame(last|3, ""),
		"4 reserved control opcode":      clientFrame(last|11, ""),
		"5 two fragments":                then(clientFrame(text1, "frag"), clientFrame(last|more, "ment")),
		"5 ping between fragments":       then(clientFrame(text1, "frag"), clientFrame(last|ping9, "now"), clientFrame(last|more, "ment")),
		"5 empty fragments":              then(clientFrame(text1, ""), clientFrame(more, ""), clientFrame(last|more, "")),
		"5 continuation of nothing":      clientFrame(last|more, "x"),
		"5 message within a message":     slices.Concat(clientFrame(text1, "one"), clientFrame(last|text1, "two")),
		"5 fragmented ping":              clientFrame(ping9, "half"),
		"6 valid UTF-8":                  then(clientFrame(last|text1, "κόσμε 𐀀")),
		"6 UTF-8 split in a character":   then(clientFrame(text1, "\xce"), clientFrame(last|more, "\xba")),
		"6 invalid UTF-8":                then(clientFrame(last|text1, "\xce\xba\xed\xa0\x80")),
		"7 close without code":           clientFrame(last|close8, ""),
		"7 close with one byte":          clientFrame(last|close8, "\x03"),
		"7 close with a reason":          clientFrame(last|close8, code(1000, strings.Repeat("*", 123))),
		"7 close with a long reason":     clientFrame(last|close8, code(1000, strings.Repeat("*", 124))),
		"7 close with invalid UTF-8":     clientFrame(last|close8, code(1000, "\xce\xba\xed\xa0\x80")),
		"7 a message after close":        slices.Concat(bye, clientFrame(last|text1, "late")),
		"mask missing":                   {last | text1, 1, 'x'},
		"length of 126 in the long form": then([]byte{last | binary2, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'x'}),
		"length with the high bit":       {last | binary2, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},
		"half a frame, and no more":      {last | text1, 0x80 | 5, 1, 2},
	}
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		all[fmt.Sprint("1 text of ", size)] = then(clientFrame(last|text1, strings.Repeat("*", size)))
		all[fmt.Sprint("1 binary of ", size)] = then(clientFrame(last|binary2, strings.Repeat("\xff", size)))
	}
	for _, n := range []uint16{0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1015, 2999, 3000, 4999, 5000} {
		all[fmt.Sprint("7 close with ", n)] = clientFrame(last|close8, code(n, "why"))
	}
	return all
}

// converse opens a WebSocket, sends what a case says, in pieces, and gives the frames that come back.
func converse(t *testing.T, address string, sends []byte, piece int) (heard []string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll("GET /live HTTP/1.1\nHost: open.test\n"+upgrade+"\n", "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", res, err)
	}
	go func() {
		for part := range slices.Chunk(sends, piece) {
			if _, err := conn.Write(part); err != nil {
				return // the other side has heard enough
			}
		}
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	for {
		f, err := serverFrame(in)
		if err != nil {
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Error("the conversation does not end")
			}
			return heard
		}
		heard = append(heard, f)
	}
}

// serverFrame reads a frame, as text that can be compared.
func serverFrame(in *bufio.Reader) (string, error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return "", err
	}
	length := uint64(head[1])
	if extra := map[uint64]int{126: 2, 127: 8}[length]; extra > 0 {
		var long [8]byte
		if _, err := io.ReadFull(in, long[8-extra:]); err != nil {
			return "", err
		}
		length = binary.BigEndian.Uint64(long[:])
	}
	payload := make([]byte, min(length, 2<<20))
	if _, err := io.ReadFull(in, payload); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x %x", head[0], payload), nil
}

func TestAConversationOverAWebSocketIsTheSameThroughTheDoor(t *testing.T) {
	direct := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(direct.Close)
	w := newWorld(t, http.HandlerFunc(echo), func(c *config.Config) { c.Routes[1].WebSocket = true })
	for name, sends := range socketCases() {
		for _, piece := range []int{1, 1 << 16} {
			if piece == 1 && len(sends) > 1000 {
				continue
			}
			want := converse(t, direct.Listener.Addr().String(), sends, piece)
			got := converse(t, w.address, sends, piece)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s, by pieces of %d:\n%.300q\nthrough the door, and without it\n%.300q", name, piece, got, want)
			}
		}
	}
}
