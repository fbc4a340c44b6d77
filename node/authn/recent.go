package authn

import (
	"hash/maphash"
	"sync/atomic"

	"picket/broker"
)

// recent are sessions that were asked for not long ago: most requests are of one of them. Finding one here takes no lock, and moves
// nothing in a list. Each session has its place, which it shares with others: it is given up to the next.
//
// A session is given from here only as long as the cache knows it as it is here (broker.Fact.Holds).
type recent struct {
	seed   maphash.Seed
	places [1 << 12]atomic.Pointer[broker.Fact[Session]]
}

// held is the session where this node has it in memory; nil: it may be there or not.
func (k *recent) held(id string, all *broker.Cache[Session]) *Session {
	place := &k.places[maphash.String(k.seed, id)%uint64(len(k.places))]
	if known := place.Load(); known != nil && known.Value().ID == id && known.Holds() {
		return known.Value()
	}
	known := all.Fact(id)
	if known == nil {
		return nil
	}
	place.Store(known)
	return known.Value()
}
