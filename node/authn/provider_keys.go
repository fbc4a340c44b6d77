package authn

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// providerKeys are the keys by which a provider signs, as this node knows them. They are read anew where none of them fits a
// token (OpenID Connect Core 1.0, section 10.1.1), and when they are as old as metadata may be. Safe for concurrent use.
type providerKeys struct {
	url    string
	client *client
	now    func() time.Time
	flight singleflight.Group
	known  atomic.Pointer[knownKeys] // nil: never read
}

// knownKeys are those of one reading.
type knownKeys struct {
	keys    []jose.JSONWebKey
	useless []string // why the others are none, for who reads the log
	readAt  time.Time
}

// verify gives what a token in the compact form says, and the algorithm of its signature, which is one of those that are
// believed. ErrProvider, with ErrAnswer when the token is wrong.
func (k *providerKeys) verify(ctx context.Context, token string, believed []jose.SignatureAlgorithm) ([]byte, string, error) {
	jws, err := jose.ParseSignedCompact(token, believed)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w: %w", clip(err.Error(), 256), ErrAnswer, ErrProvider)
	}
	alg := jws.Signatures[0].Header.Algorithm
	before := k.known.Load()
	if before != nil && k.now().Sub(before.readAt) <= metadataLife {
		if payload, ok := before.verify(jws); ok {
			return payload, alg, nil
		}
	}
	known, err := k.read(ctx)
	if err != nil {
		if payload, ok := before.verify(jws); ok {
			return payload, alg, nil // by old keys is better than not at all
		}
		return nil, "", err
	}
	payload, ok := known.verify(jws)
	if !ok {
		return nil, "", fmt.Errorf("%s: %w: %w", known.why(jws.Signatures[0].Header), ErrAnswer, ErrProvider)
	}
	return payload, alg, nil
}

// verify gives what a token says that one of the keys has signed. None is known to nil.
func (known *knownKeys) verify(jws *jose.JSONWebSignature) (payload []byte, ok bool) {
	if known == nil {
		return nil, false
	}
	head := jws.Signatures[0].Header
	for i := range known.keys {
		if key := &known.keys[i]; fits(key, head) {
			if payload, err := jws.Verify(key); err == nil {
				return payload, true
			}
		}
	}
	return nil, false
}

// fits tells whether a key is the one that a token names (RFC 7515, section 4.1.4), and is for its algorithm (RFC 7517, section
// 4.4), which "Ed25519" and "EdDSA" are two names of (RFC 9864).
func fits(key *jose.JSONWebKey, head jose.Header) bool {
	alg := key.Algorithm
	if alg == "Ed25519" {
		alg = string(jose.EdDSA)
	}
	return (head.KeyID == "" || head.KeyID == key.KeyID) && (alg == "" || alg == head.Algorithm)
}

// why says that no key verifies a token, and which keys were not looked at.
func (known *knownKeys) why(head jose.Header) string {
	text := fmt.Sprintf("no key of the provider verifies it (kid %.64q, %s)", head.KeyID, head.Algorithm)
	if len(known.useless) > 0 {
		text += "; not used: " + clip(strings.Join(known.useless, ", "), 512)
	}
	return text
}

// read asks the provider for its keys; those who ask at the same time share the answer. ErrProvider.
func (k *providerKeys) read(ctx context.Context) (*knownKeys, error) {
	reading := k.flight.DoChan("", func() (any, error) {
		known, err := k.fetch(context.WithoutCancel(ctx)) // others wait for it, too
		if err != nil {
			return nil, fmt.Errorf("reading the provider's keys: %s: %w", clip(err.Error(), 256), ErrProvider)
		}
		k.known.Store(known)
		return known, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the provider's keys: %w", errors.Join(ErrProvider, ctx.Err()))
	case r := <-reading:
		known, _ := r.Val.(*knownKeys)
		return known, r.Err
	}
}

func (k *providerKeys) fetch(ctx context.Context) (*knownKeys, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := k.client.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New(resp.Status)
	}
	known, err := parseKeys(text)
	if err != nil {
		return nil, err
	}
	known.readAt = k.now()
	return known, nil
}

// parseKeys reads a set of keys. A key that is of no use leaves the others as they are (RFC 7517, section 5).
func parseKeys(text []byte) (*knownKeys, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("no set of keys")
	}
	known := &knownKeys{}
	for i, one := range set.Keys {
		key, err := parseKey(one)
		if err != nil {
			name := cmp.Or(key.KeyID, fmt.Sprint("number ", i+1))
			known.useless = append(known.useless, fmt.Sprintf("key %.64q: %.128s", name, err))
			continue
		}
		known.keys = append(known.keys, key)
	}
	return known, nil
}

// leastRSA is how long an RSA key is at least, in bits (RFC 7518, sections 3.3 and 3.5).
const leastRSA = 2048

// parseKey reads one key, which has to be a public one that verifies signatures.
func parseKey(text []byte) (jose.JSONWebKey, error) {
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(text); err != nil {
		return key, err
	}
	var more struct {
		Operations []string `json:"key_ops"`
	}
	switch err := json.Unmarshal(text, &more); {
	case err != nil, more.Operations != nil && !slices.Contains(more.Operations, "verify"):
		return key, errors.New("its key_ops do not hold verify")
	case key.Use != "" && key.Use != "sig":
		return key, fmt.Errorf("its use is %.32q", key.Use)
	}
	switch public := key.Key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < leastRSA {
			return key, fmt.Errorf("an RSA key of %d bits is too short", bits)
		}
	default:
		return key, errors.New("no public key of RSA, EC or Ed25519")
	}
	return key, nil
}
