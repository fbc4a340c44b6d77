package broker

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Waiting is what the start of this node, or its joining the others, waits for.
type Waiting struct {
	Why   string    // a clause; "": it waits for nothing that the broker knows of
	Since time.Time // by the wall clock; zero: since never
}

// Waiting tells what this node waits for just now. It asks nobody.
func (b *Broker) Waiting() Waiting {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// waits has Waiting tell this, "" when it is over. Who waits for one thing after another has waited since the first.
func (b *Broker) waits(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.waiting.Why = what; {
	case what == "":
		b.waiting.Since = time.Time{}
	case b.waiting.Since.IsZero():
		b.waiting.Since = time.Now()
	}
}

// Apart tells why nothing can be read or written here just now: too few of the peers are connected, or nobody leads them.
// "": neither is so, as far as this node knows. It asks nobody.
func (b *Broker) Apart() string {
	if !b.options.clustered() {
		return ""
	}
	peers, lacking := len(b.options.Peers), b.Lacking()
	if there := peers - len(lacking); there <= peers/2 {
		return fmt.Sprintf("%d of %d peers are there, and it takes %d: no connection to %s", there, peers, peers/2+1, strings.Join(lacking, ", "))
	}
	if b.options.stores() && b.server != nil && b.server.JetStreamEnabled() {
		info, err := b.server.Jsz(&server.JSzOptions{})
		if err == nil && info.Meta != nil && info.Meta.Leader == "" {
			return "nobody leads the peers: an election takes up to ten seconds" + andLonger(lacking)
		}
	}
	return ""
}

// andLonger is when an election takes more: who has an empty disk helps to elect only when all are there, for one who is not
// may have what this one lost.
func andLonger(lacking []string) string {
	if len(lacking) == 0 {
		return ""
	}
	return "; when one of them lost its disk it takes all of them, and there is no connection to " + strings.Join(lacking, ", ")
}
