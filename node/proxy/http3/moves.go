package http3

import (
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// moves notices when a client goes on from another address (RFC 9000, section 9), once it has shown that it is there. Another port is
// none: that is what a router does that has forgotten the first. The zero moves is of a client that has not begun.
type moves struct {
	home netip.Addr // of the goroutine that tells of events

	mu   sync.Mutex
	away bool   // guarded by mu
	told func() // guarded by mu: is told, and does not wait; nil: nobody is yet
}

// heard is told of what the trace says of a connection.
func (m *moves) heard(event qlogwriter.Event) {
	switch e := event.(type) {
	case qlog.StartedConnection:
		m.home = addressOf(e.Remote)
	case qlog.TupleAssigned: // without a name: it is where answers go from now on
		if e.TupleID == "" && addressOf(e.Remote) != m.home {
			m.notice()
		}
	}
}

func addressOf(at qlog.TupleEndpointInfo) netip.Addr {
	if at.IPv4.IsValid() {
		return at.IPv4.Addr().Unmap()
	}
	return at.IPv6.Addr().Unmap().WithZone("")
}

func (m *moves) notice() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = true
	if m.told != nil {
		m.told()
	}
}

// tell has somebody told, also of what was before.
func (m *moves) tell(told func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told = told; m.away {
		told()
	}
}
