package upstream

import (
	"math"
	"math/bits"
)

// Hash is the key of a text for balancing by hash: the same on every node, and after every restart (FNV-1a).
func Hash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// mixed is a hash of two numbers whose bits all depend on all bits of both (as in wyhash).
func mixed(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xbf58476d1ce4e5b9)
	x := high ^ low
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// score is how much a member wants a key (weighted rendezvous hashing): each key goes to whoever wants it most. So a member that
// leaves takes along its own keys alone, and a member's part is as large as its weight.
func score(m *Member, weight int, key uint64) float64 {
	h := mixed(m.seed, key)
	unit := (float64(h>>11) + 0.5) / (1 << 53) // within (0, 1)
	return float64(weight) / -math.Log(unit)
}

// wish is how much a member wants a key. No two members want one equally.
type wish struct {
	score  float64
	member int // its place
}

func (w wish) less(than wish) bool {
	return w.score < than.score || w.score == than.score && w.member < than.member
}
