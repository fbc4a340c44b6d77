package proxy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"picket/node/config"
)

// updater is a client of TLS 1.3 that has the server answer with new keys of its own (KeyUpdate, RFC 8446, section 4.6.3) as often as
// it likes, and reads none of the answers: what no library does.
type updater struct {
	net.Conn
	w      *world
	suite  uint16
	secret []byte // of the present keys
	sealed cipher.AEAD
	iv     []byte
	seq    byte // of the next record; the keys change before it is full
}

// updater connects for a host, with so little room for answers that the server soon has none to write.
func (w *world) updater(host, protocol string) *updater {
	w.t.Helper()
	u := &updater{Conn: w.dial(), w: w}
	wired := u.Conn.(*net.TCPConn)
	w.must(errors.Join(wired.SetReadBuffer(4<<10), wired.SetWriteBuffer(256<<10)))
	var log strings.Builder
	conn := tls.Client(u.Conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, NextProtos: []string{protocol}, MinVersion: tls.VersionTLS13, KeyLogWriter: &log})
	w.must(conn.Handshake())
	u.suite = conn.ConnectionState().CipherSuite
	_, line, _ := strings.Cut(log.String(), "CLIENT_TRAFFIC_SECRET_0 ")
	var err error
	u.secret, err = hex.DecodeString(strings.Fields(line)[1])
	w.must(err)
	u.useKeys()
	return u
}

// useKeys goes by the keys of the present secret (RFC 8446, section 7.3).
func (u *updater) useKeys() {
	u.w.t.Helper()
	var err error
	switch u.suite {
	case tls.TLS_AES_128_GCM_SHA256:
		var block cipher.Block
		block, err = aes.NewCipher(u.derived("key", 16))
		u.w.must(err)
		u.sealed, err = cipher.NewGCM(block)
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		u.sealed, err = chacha20poly1305.New(u.derived("key", 32))
	default:
		u.w.t.Fatalf("the cipher suite is %x", u.suite)
	}
	u.w.must(err)
	u.iv, u.seq = u.derived("iv", 12), 0
}

// derived is HKDF-Expand-Label (RFC 8446, section 7.1).
func (u *updater) derived(label string, length int) []byte {
	u.w.t.Helper()
	label = "tls13 " + label
	made, err := hkdf.Expand(sha256.New, u.secret, "\x00"+string(rune(length))+string(rune(len(label)))+label+"\x00", length)
	u.w.must(err)
	return made
}

// record appends a record of a type.
func (u *updater) record(to []byte, kind byte, data string) []byte {
	head := []byte{23, 3, 3, 0, byte(len(data) + 1 + u.sealed.Overhead())}
	nonce := append([]byte(nil), u.iv...)
	nonce[len(nonce)-1] ^= u.seq
	u.seq++
	return u.sealed.Seal(append(to, head...), nonce, append([]byte(data), kind), head)
}

// flood sends a text byte by byte, and asks for as many new keys between two as a server takes, until the server reads no more. Where
// the system has room for all answers, nothing is held up.
func (u *updater) flood(text string) {
	u.w.t.Helper()
	for len(text) > 0 {
		var batch []byte
		for range min(64, len(text)) {
			batch = u.record(batch, 23, text[:1])
			text = text[1:]
			for range 15 {
				batch = u.record(batch, 22, "\x18\x00\x00\x01\x01")
				u.secret = u.derived("traffic upd", 32)
				u.useKeys()
			}
		}
		u.w.must(u.SetWriteDeadline(time.Now().Add(3 * time.Second)))
		if _, err := u.Write(batch); err != nil {
			return
		}
	}
}

// unending are the beginnings of what never ends: a head, and frames of a type that is skipped.
var unending = map[string]string{
	"http/1.1": "GET /" + strings.Repeat("a", 60<<10),
	"h2":       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" + strings.Repeat("\x00\x40\x00\xbb\x00\x00\x00\x00\x00"+strings.Repeat("a", 16<<10), 5),
}

func TestWhoReadsNoneOfItsNewKeysIsCutInTime(t *testing.T) {
	for protocol, text := range unending {
		t.Run(protocol, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), secure(t), func(c *config.Config) {
				c.Listeners[0].HeaderTimeout, c.Listeners[0].IdleTimeout = 20*time.Second, 20*time.Second
			})
			w.updater("open.test", protocol).flood(text)
			w.until("it is cut", func() bool {
				return w.counted("picket_open_connections", "http1")+w.counted("picket_open_connections", "http2") == 0
			})
		})
	}
}

func TestWhoReadsNoneOfItsNewKeysHoldsUpNoRestart(t *testing.T) {
	for protocol, text := range unending {
		t.Run(protocol, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), secure(t), func(c *config.Config) {
				c.Listeners[0].HeaderTimeout, c.Listeners[0].IdleTimeout = time.Hour, time.Hour
			})
			u := w.updater("open.test", protocol)
			u.flood(text)
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				w.stop()
			}()
			select {
			case <-stopped:
			case <-time.After(testPatience):
				t.Error("the node does not stop")
				_ = u.Close() // now it does
			}
		})
	}
}
