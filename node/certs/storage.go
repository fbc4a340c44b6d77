package certs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"picket/broker"
)

// record is one value of certmagic's, or of ours.
type record struct {
	Path     []byte    `json:"path"` // certmagic's key: slashes, and any bytes between them
	Value    []byte    `json:"value"`
	Modified time.Time `json:"modified"`
	broker.Rest
}

// storage is certmagic.Storage in the broker: records of the bucket `certs`, and leases for its locks.
//
// fs.ErrNotExist comes only when the store has answered that there is no such record. Whatever else goes wrong is
// broker.ErrUnavailable, a record that cannot be read included: it is there, and what it says is unknown.
type storage struct {
	bucket *broker.Bucket[record]
	leases *broker.Leases

	mu   sync.Mutex
	held map[string]*broker.Lease // guarded by mu; by the name of the lock
}

func newStorage(bucket *broker.Bucket[record], leases *broker.Leases) *storage {
	return &storage{bucket: bucket, leases: leases, held: map[string]*broker.Lease{}}
}

// longestPlain is how long the encoded path may be that is a key as it stands.
const longestPlain = 400

// keyOf is the key of a path: the path itself, encoded, or a hash of one that is too long.
func keyOf(of string) string {
	if key := broker.EncodeKey(of); key != "" && len(key) <= longestPlain {
		return key
	}
	sum := sha256.Sum256([]byte(of))
	return "long/" + hex.EncodeToString(sum[:])
}

// unknown wraps an error of the broker's as certmagic has it.
func unknown(doing, of string, err error) error {
	if errors.Is(err, broker.ErrNotFound) {
		return fmt.Errorf("%s %s: %w", doing, of, fs.ErrNotExist)
	}
	return fmt.Errorf("%s %s: %w", doing, of, err)
}

// Load reads a value; fs.ErrNotExist when the store says that there is none.
func (s *storage) Load(ctx context.Context, of string) ([]byte, error) {
	entry, err := s.bucket.Get(ctx, keyOf(of))
	if err != nil {
		return nil, unknown("loading", of, err)
	}
	return entry.Value.Value, nil
}

// Store writes a value. What belongs to a certificate is written only under the lock of its name: whoever has lost the lock
// on the way would mix his key with another's certificate.
func (s *storage) Store(ctx context.Context, of string, value []byte) error {
	ctx, cancel, err := s.fenced(ctx, of)
	if err != nil {
		return err
	}
	defer cancel()
	return s.put(ctx, of, value, 0)
}

// put writes a value that the store forgets after ttl; 0: never.
func (s *storage) put(ctx context.Context, of string, value []byte, ttl time.Duration) error {
	r := record{Path: []byte(of), Value: value, Modified: time.Now().UTC()}
	if _, err := s.bucket.Put(ctx, keyOf(of), r, ttl); err != nil {
		return fmt.Errorf("storing %s: %w", of, err)
	}
	return nil
}

// Delete removes a value and all below it. Nil when there is none.
func (s *storage) Delete(ctx context.Context, of string) error {
	ctx, cancel, err := s.fenced(ctx, of)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.remove(ctx, of); err != nil {
		return err
	}
	below, err := s.List(ctx, of, true)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, each := range below {
		if err := s.remove(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

func (s *storage) remove(ctx context.Context, of string) error {
	if err := s.bucket.Delete(ctx, keyOf(of)); err != nil {
		return fmt.Errorf("deleting %s: %w", of, err)
	}
	return nil
}

// askAgain is how often the store is asked by a question that has to be answered.
const askAgain = 100 * time.Millisecond

// Exists tells whether there is a value, or values below it. certmagic orders a certificate when this says no, and leaves
// no way to say that nobody knows: so it does not answer before the store does, or ctx ends. Then whoever asks can do no
// more, either.
func (s *storage) Exists(ctx context.Context, of string) bool {
	for {
		_, err := s.Stat(ctx, of)
		switch {
		case err == nil:
			return true
		case errors.Is(err, fs.ErrNotExist):
			return false
		case errors.As(err, new(unreadable)):
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(askAgain):
		}
	}
}

// unreadable says that there is a record, which cannot be read.
type unreadable struct{ error }

// Unwrap is why.
func (u unreadable) Unwrap() error { return u.error }

// Stat tells of a value, or of a folder. An error that is unreadable: it is there, and cannot be read.
func (s *storage) Stat(ctx context.Context, of string) (certmagic.KeyInfo, error) {
	entry, err := s.bucket.Get(ctx, keyOf(of))
	switch {
	case err == nil:
		v := entry.Value
		return certmagic.KeyInfo{Key: of, Modified: v.Modified, Size: int64(len(v.Value)), IsTerminal: true}, nil
	case entry.Revision > 0:
		return certmagic.KeyInfo{}, unreadable{unknown("looking for", of, err)}
	case !errors.Is(err, broker.ErrNotFound):
		return certmagic.KeyInfo{}, unknown("looking for", of, err)
	}
	below, err := s.List(ctx, of, true)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if len(below) == 0 {
		return certmagic.KeyInfo{}, unknown("looking for", of, broker.ErrNotFound)
	}
	return certmagic.KeyInfo{Key: of}, nil
}

// List gives the paths below a folder: of all values, or, when it is not recursive, of what lies in the folder itself, be
// that a value or another folder. fs.ErrNotExist when there is nothing.
func (s *storage) List(ctx context.Context, folder string, recursive bool) ([]string, error) {
	folder = strings.Trim(folder, "/")
	seen := map[string]bool{}
	var all []string
	for entry, err := range s.bucket.List(ctx) {
		of, ok := pathOf(entry, err)
		if err != nil && entry.Key == "" {
			return nil, unknown("listing", folder, err)
		}
		rest, below := under(folder, of)
		if !ok || !below {
			continue
		}
		if !recursive {
			rest, _, _ = strings.Cut(rest, "/")
		}
		if each := path.Join(folder, rest); !seen[each] {
			seen[each] = true
			all = append(all, each)
		}
	}
	if len(all) == 0 {
		return nil, unknown("listing", folder, broker.ErrNotFound)
	}
	return all, nil
}

// pathOf is the path of a record; of one that cannot be read, what its key says.
func pathOf(entry broker.Entry[record], err error) (of string, ok bool) {
	if err == nil {
		return string(entry.Value.Path), true
	}
	return broker.DecodeKey(entry.Key)
}

// under is what a path has below a folder; ok is false when it is not below. Everything is below "".
func under(folder, of string) (rest string, ok bool) {
	if folder == "" {
		return of, of != ""
	}
	rest, ok = strings.CutPrefix(of, folder+"/")
	return rest, ok && rest != ""
}

// siteKinds are the endings of what is stored of a certificate.
func siteKinds() []string { return []string{".crt", ".key", ".json"} }

// siteFile is where a part of a name's certificate lies.
func siteFile(issuer, name, kind string) string {
	return strings.TrimSuffix(certmagic.StorageKeys.SiteCert(issuer, name), ".crt") + kind
}
