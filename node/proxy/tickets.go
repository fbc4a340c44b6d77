package proxy

import (
	"crypto/rand"
	"sync"
	"time"

	"picket/broker"
)

// ticketPeriod is how long TLS session tickets are made with one key. It is accepted for two more periods, and for one
// before its own, since the clocks of the nodes differ.
const ticketPeriod = 12 * time.Hour

// tickets derive the keys of TLS session tickets from the cluster's secrets, so that a connection that was made to one node
// is resumed on any, also after a restart. A key is in use for one period, and gone three later.
type tickets struct {
	ring *broker.Keyring
	now  func() time.Time

	mu     sync.Mutex
	period int64      // guarded by mu
	keys   [][32]byte // guarded by mu: of period; the first makes, all open
}

func newTickets(ring *broker.Keyring, now func() time.Time) *tickets {
	if ring == nil {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret)                      // never fails: crypto/rand ends the program instead
		ring, _ = broker.NewKeyring([][]byte{secret}) // 32 bytes are enough
	}
	return &tickets{ring: ring, now: now, period: -1}
}

// present is the number of the period.
func (t *tickets) present() int64 { return t.now().Unix() / int64(ticketPeriod/time.Second) }

// of gives the keys of a period.
func (t *tickets) of(period int64) [][32]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.period != period {
		t.keys = nil
		for _, one := range []int64{period, period - 1, period - 2, period + 1} {
			t.keys = append(t.keys, t.ring.Period("tls tickets", one)...)
		}
		t.period = period
	}
	return t.keys
}

// ofQUIC gives the keys by which any node, also after a restart, tells a client of HTTP/3 that it does not know its connection, and
// believes what another node has told one to show. Who sees connections go by can end them by the first, by way of another node; so
// they can with TCP.
func (t *tickets) ofQUIC() (reset, token [32]byte) {
	return t.ring.Period("quic resets", 0)[0], t.ring.Period("quic tokens", 0)[0]
}
