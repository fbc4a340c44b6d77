package broker

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrSealed says that a sealed value was altered, belongs elsewhere, or was made with a secret that is gone.
var ErrSealed = errors.New("sealed value does not open")

// sealVersion is the first byte of every sealed value.
const sealVersion = 1

// Sealer encrypts and authenticates with XChaCha20-Poly1305. A sealed value is
//
//	version (1 byte, 1) | key id (4 bytes) | nonce (24 bytes) | ciphertext and tag
//
// and opens only with the version, the purpose and the associated data that it was made with, whichever of the secrets
// that was.
type Sealer struct {
	purpose string
	keys    []sealKey
}

type sealKey struct {
	id   [4]byte
	aead cipher.AEAD
}

// Sealer makes the sealer of a purpose.
func (k *Keyring) Sealer(purpose string) *Sealer {
	s := &Sealer{purpose: purpose}
	for _, key := range k.derive("seal " + purpose) {
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			panic("broker: a key of 32 bytes: " + err.Error())
		}
		id := sha256.Sum256(append([]byte("picket key id"), key...))
		s.keys = append(s.keys, sealKey{id: [4]byte(id[:4]), aead: aead})
	}
	return s
}

// Seal seals plain for the place that ad names (a bucket and a key, say).
func (s *Sealer) Seal(plain []byte, ad ...string) []byte {
	key := s.keys[0]
	out := make([]byte, 0, 1+4+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out = append(out, sealVersion)
	out = append(out, key.id[:]...)
	nonce := out[len(out) : len(out)+chacha20poly1305.NonceSizeX]
	_, _ = rand.Read(nonce) // crypto/rand.Read never fails: it ends the program instead
	out = out[:len(out)+chacha20poly1305.NonceSizeX]
	return key.aead.Seal(out, nonce, plain, associated(sealVersion, s.purpose, ad))
}

// Open opens what Seal made for the same place; ErrSealed otherwise.
func (s *Sealer) Open(sealed []byte, ad ...string) ([]byte, error) {
	const head = 1 + 4 + chacha20poly1305.NonceSizeX
	if len(sealed) > 0 && sealed[0] > sealVersion {
		return nil, fmt.Errorf("%w: %w", ErrSealed, errNewer)
	}
	if len(sealed) < head+chacha20poly1305.Overhead || sealed[0] != sealVersion {
		return nil, ErrSealed
	}
	for _, key := range s.keys {
		if key.id != [4]byte(sealed[1:5]) {
			continue
		}
		plain, err := key.aead.Open(nil, sealed[5:head], sealed[head:], associated(sealVersion, s.purpose, ad))
		if err != nil {
			return nil, ErrSealed
		}
		return plain, nil
	}
	return nil, ErrSealed
}

// associated encodes version, purpose and place so that no two differ only in where one part ends.
func associated(version byte, purpose string, parts []string) []byte {
	ad := []byte{version}
	ad = binary.BigEndian.AppendUint32(ad, uint32(len(purpose)))
	ad = append(ad, purpose...)
	for _, p := range parts {
		ad = binary.BigEndian.AppendUint32(ad, uint32(len(p)))
		ad = append(ad, p...)
	}
	return ad
}

// present tells whether a sealed value was made as Seal makes them now: with this version and the first secret.
func (s *Sealer) present(sealed []byte) bool {
	return len(sealed) >= 5 && sealed[0] == sealVersion && s.keys[0].id == [4]byte(sealed[1:5])
}

// knows tells whether the secret is among ours that a sealed value says it was made with.
func (s *Sealer) knows(sealed []byte) bool {
	return len(sealed) >= 5 && slices.ContainsFunc(s.keys, func(k sealKey) bool { return k.id == [4]byte(sealed[1:5]) })
}
