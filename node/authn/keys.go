package authn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"picket/broker"
)

// The assertion keys are one record: the key in use, the one before, which verifies what it signed, and the one after,
// published so long before it signs that no upstream meets a key it has not seen.
const (
	keysName   = "assertion"
	keyLife    = 24 * time.Hour
	keyCheck   = time.Minute
	keyRetries = 5
)

// keyRecord is stored sealed.
type keyRecord struct {
	broker.Rest
	Previous *signingKey `json:"previous,omitempty"`
	Current  *signingKey `json:"current"`
	Next     *signingKey `json:"next"`
	Since    time.Time   `json:"since"` // when Current began to sign
}

// signingKey is a P-256 key for ES256 (RFC 7518, section 3.4).
type signingKey struct {
	ID      string `json:"id"`
	Private []byte `json:"private"` // PKCS #8
}

func newSigningKey() (*signingKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return &signingKey{ID: newID(), Private: der}, nil
}

func newKeyRecord(now time.Time) (keyRecord, error) {
	current, err := newSigningKey()
	if err != nil {
		return keyRecord{}, err
	}
	next, err := newSigningKey()
	return keyRecord{Current: current, Next: next, Since: now}, err
}

// turned is the record after a rotation.
func (r keyRecord) turned(now time.Time) (keyRecord, error) {
	next, err := newSigningKey()
	return keyRecord{Rest: r.Rest, Previous: r.Current, Current: r.Next, Next: next, Since: now}, err
}

// ring is the keys in use on this node.
type ring struct{ present atomic.Pointer[keySet] }

// keySet is a key record made ready.
type keySet struct {
	since  time.Time
	id     string // of the key that signs
	signer jose.Signer
	public []byte // the JWKS
}

func newKeySet(r keyRecord) (*keySet, error) {
	if r.Current == nil || r.Next == nil {
		return nil, errors.New("the record lacks a key")
	}
	jwks := jose.JSONWebKeySet{}
	var signer jose.Signer
	for _, k := range []*signingKey{r.Current, r.Next, r.Previous} {
		if k == nil {
			continue
		}
		parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("decoding key %s: %w", k.ID, err)
		}
		private, ok := parsed.(*ecdsa.PrivateKey)
		if !ok || private.Curve != elliptic.P256() {
			return nil, fmt.Errorf("key %s is not a P-256 key", k.ID)
		}
		jwks.Keys = append(jwks.Keys, jose.JSONWebKey{Key: private.Public(), KeyID: k.ID, Algorithm: string(jose.ES256), Use: "sig"})
		if k != r.Current {
			continue
		}
		if signer, err = newSigner(k.ID, private); err != nil {
			return nil, err
		}
	}
	public, err := json.Marshal(jwks)
	if err != nil {
		return nil, fmt.Errorf("encoding keys: %w", err)
	}
	return &keySet{since: r.Since, id: r.Current.ID, signer: signer, public: public}, nil
}

func newSigner(id string, key *ecdsa.PrivateKey) (jose.Signer, error) {
	options := (&jose.SignerOptions{}).WithType("JWT")
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}}, options)
	if err != nil {
		return nil, fmt.Errorf("making a signer: %w", err)
	}
	return s, nil
}

// JWKS is the public assertion keys, the next one included, as a JSON Web Key Set (RFC 7517). It is shared: read only.
func (a *Authn) JWKS() []byte { return a.ring.present.Load().public }

// loadKeys reads the keys, or makes them when no node has yet, and rotates them when they are due.
func (a *Authn) loadKeys(ctx context.Context) error {
	var err error
	for range keyRetries {
		var again bool
		if again, err = a.loadKeysOnce(ctx); !again {
			return err
		}
	}
	return err
}

// loadKeysOnce tells to try again when another node changed the keys meanwhile.
func (a *Authn) loadKeysOnce(ctx context.Context) (again bool, err error) {
	now := a.now()
	e, err := a.keys.Get(ctx, keysName)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		r, err := newKeyRecord(now)
		if err != nil {
			return false, err
		}
		_, err = a.keys.Create(ctx, keysName, r, 0)
		return a.useKeys(r, err)
	case err != nil:
		return false, fmt.Errorf("reading the assertion keys: %w", err)
	case now.Sub(e.Value.Since) < keyLife:
		return a.useKeys(e.Value, nil)
	}
	r, err := e.Value.turned(now)
	if err != nil {
		return false, err
	}
	_, err = a.keys.Update(ctx, keysName, r, e.Revision, 0)
	return a.useKeys(r, err)
}

// useKeys puts a record in use that was stored with this error.
func (a *Authn) useKeys(r keyRecord, stored error) (again bool, err error) {
	if stored != nil {
		return errors.Is(stored, broker.ErrConflict), fmt.Errorf("storing the assertion keys: %w", stored)
	}
	set, err := newKeySet(r)
	if err != nil {
		return false, fmt.Errorf("assertion keys: %w", err)
	}
	a.ring.present.Store(set)
	return false, nil
}

// rotateKeys rotates the assertion keys when they are due, and takes over what other nodes rotated, until ctx ends. While
// the store is down the keys in use stay in use.
func (a *Authn) rotateKeys(ctx context.Context) error {
	tick := time.NewTicker(keyCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.rekey:
		case <-tick.C:
			if a.now().Sub(a.ring.present.Load().since) < keyLife {
				continue
			}
		}
		if err := a.loadKeys(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("assertion keys not renewed")
		}
	}
}
