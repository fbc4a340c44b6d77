package broker

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Keyring derives a key for each purpose from the cluster's secrets by HKDF with SHA-256 (RFC 5869). The first secret
// makes, all of them open. So a secret is rotated without a pause: the new one is added behind the old on every node, then
// moved before it on every node, then records are resealed, then the old one is removed.
type Keyring struct {
	secrets [][]byte
}

// NewKeyring takes the secrets, the present one first; each has at least 32 bytes.
func NewKeyring(secrets [][]byte) (*Keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("a cluster needs a secret")
	}
	for i, s := range secrets {
		if len(s) < 32 {
			return nil, fmt.Errorf("secret %d has %d bytes, needs 32", i+1, len(s))
		}
	}
	return &Keyring{secrets: secrets}, nil
}

// derive makes 32 bytes for a purpose from each secret.
func (k *Keyring) derive(purpose string) [][]byte {
	keys := make([][]byte, len(k.secrets))
	for i, s := range k.secrets {
		key, err := hkdf.Key(sha256.New, s, []byte("picket"), "picket v1 "+purpose, 32)
		if err != nil {
			panic("broker: HKDF of 32 bytes: " + err.Error()) // only for an impossible length
		}
		keys[i] = key
	}
	return keys
}

// ID is the same on all nodes whose first secret is the same, and tells nothing of it.
func (k *Keyring) ID() string { return hex.EncodeToString(k.derive("id")[0][:8]) }

// Period gives the keys of a purpose for one period of time, by its number: one of each secret, the first of which makes. All
// nodes with the same secrets have the same ones, and nothing has to be handed out when a period begins.
func (k *Keyring) Period(purpose string, number int64) [][32]byte {
	var keys [][32]byte
	for _, key := range k.derive(fmt.Sprintf("period %d of %s", number, purpose)) {
		keys = append(keys, [32]byte(key))
	}
	return keys
}

// TagSize is the length of a tag in bytes.
const TagSize = sha256.Size

// Tagger authenticates short messages with HMAC-SHA-256 (RFC 2104). It is safe for concurrent use.
type Tagger struct {
	keys []*macPool // one for each secret
}

// Tagger makes the tagger of a purpose.
func (k *Keyring) Tagger(purpose string) *Tagger {
	t := &Tagger{}
	for _, key := range k.derive("tag " + purpose) {
		t.keys = append(t.keys, newMacPool(key))
	}
	return t
}

// Append appends the tag of msg, TagSize bytes, made with the first secret.
func (t *Tagger) Append(dst, msg []byte) []byte {
	m := t.keys[0].get()
	defer t.keys[0].put(m)
	return append(dst, m.sum(msg)...)
}

// Verify tells whether tag was made for msg with any of the secrets. It takes the same time wherever they differ and
// allocates nothing.
func (t *Tagger) Verify(msg, tag []byte) bool {
	ok := false
	for _, pool := range t.keys {
		m := pool.get()
		ok = hmac.Equal(m.sum(msg), tag) || ok
		pool.put(m)
	}
	return ok
}

// Present tells whether a tag that Verify takes for msg was made with the first secret. With one secret it costs nothing.
func (t *Tagger) Present(msg, tag []byte) bool {
	if len(t.keys) == 1 {
		return true
	}
	m := t.keys[0].get()
	defer t.keys[0].put(m)
	return hmac.Equal(m.sum(msg), tag)
}

// macPool keeps HMAC states of one key: making one costs more than using one.
type macPool struct{ pool sync.Pool }

func newMacPool(key []byte) *macPool {
	return &macPool{pool: sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}}
}

func (p *macPool) get() *mac  { return p.pool.Get().(*mac) }
func (p *macPool) put(m *mac) { p.pool.Put(m) }

type mac struct {
	hash hash.Hash
	out  [TagSize]byte
}

func (m *mac) sum(msg []byte) []byte {
	m.hash.Reset()
	m.hash.Write(msg)
	return m.hash.Sum(m.out[:0])
}
