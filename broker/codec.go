package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// How a record lies in the store.
//
// A sealed one is what Sealer makes of its JSON. An unsealed one is its JSON with a tag in a header. Both are bound to
// the purpose, the bucket, the key and two versions: of the way to seal or tag (sealVersion, tagVersion), and of what the
// fields mean (Spec.Schema). So no record can be passed off as another, or as one of another version.
//
// Versions move on like this. What is written is always of the newest version; what is read may be of any version so
// far, and `picket reseal` brings old records up to date. A record of a version that is still to come is not read, nor
// overwritten by Put: it is unknown (errNewer), not absent, until the node is upgraded. A field that is added
// without a new schema is kept by old nodes, see Rest.

const (
	headerTag    = "Picket-Tag"    // of an unsealed value: VERSION.TAG, or TAG alone, which is version 1
	headerSchema = "Picket-Schema" // none: 1
	headerWrite  = "Picket-Write"  // an id of the attempt, to know one's own write again
)

// tagVersion is how tags are made. Version 1 did not bind the version and the schema; it is still read.
const tagVersion = 2

// errNewer says that a record is of a version that is still to come.
var errNewer = errors.New("it was written by a newer version of picket: upgrade this node")

// errForeign says that a record has no tag of ours.
var errForeign = errors.New("record was not written by this cluster")

// message makes the message of a record, sealed or tagged, with the first secret.
func (b *bucket) message(key string, plain []byte) *nats.Msg {
	return b.messageOf(max(b.spec.Schema, 1), key, plain)
}

// messageOf is message for a record of an older schema, too.
func (b *bucket) messageOf(schema int, key string, plain []byte) *nats.Msg {
	msg := &nats.Msg{Subject: b.subject + key, Header: nats.Header{}}
	msg.Header.Set(headerWrite, rand.Text())
	if schema > 1 {
		msg.Header.Set(headerSchema, strconv.Itoa(schema))
	}
	switch {
	case b.spec.Sealed:
		msg.Data = b.sealer.Seal(plain, b.place(key, schema)...)
	case b.spec.Open:
		msg.Data = plain
	default:
		msg.Data = plain
		tag := b.tagger.Append(nil, b.tagged(tagVersion, key, schema, plain))
		msg.Header.Set(headerTag, strconv.Itoa(tagVersion)+"."+encodeTag(tag))
	}
	return msg
}

// place is what a sealed record is bound to beside its purpose and version. The first schema is not named: records were
// sealed before there was a word for it.
func (b *bucket) place(key string, schema int) []string {
	if schema == 1 {
		return []string{b.spec.Name, key}
	}
	return []string{b.spec.Name, key, strconv.Itoa(schema)}
}

// tagged is what a tag of that version is over.
func (b *bucket) tagged(version int, key string, schema int, plain []byte) []byte {
	if version == 1 {
		text := append([]byte(b.spec.Name), 0)
		text = append(append(text, key...), 0)
		return append(text, plain...)
	}
	return append(associated(byte(version), b.purpose(), []string{b.spec.Name, key, strconv.Itoa(schema)}), plain...)
}

// purpose is what the keys of the bucket's records are derived for.
func (b *bucket) purpose() string { return "record " + b.spec.Name }

// open is message's opposite, for all versions so far and all secrets. errNewer for what is still to come.
func (b *bucket) open(key string, header nats.Header, data []byte) ([]byte, error) {
	if b.spec.Open {
		return data, nil
	}
	schema, err := b.schema(header)
	if err != nil {
		return nil, err
	}
	if b.spec.Sealed {
		return b.sealer.Open(data, b.place(key, schema)...)
	}
	version, tag, err := parseTag(header.Get(headerTag))
	if err != nil {
		return nil, err
	}
	if version == 1 && schema > 1 { // such a tag is over no schema: whoever can write could have added it
		return nil, errForeign
	}
	if !b.tagger.Verify(b.tagged(version, key, schema, data), tag) {
		return nil, errForeign
	}
	return data, nil
}

// upToDate tells whether a record that opens is sealed or tagged as would be done now, with the first secret.
func (b *bucket) upToDate(key string, header nats.Header, data []byte) bool {
	if b.spec.Open {
		return true
	}
	schema, err := b.schema(header)
	if err != nil {
		return false
	}
	if b.spec.Sealed {
		return b.sealer.present(data)
	}
	version, tag, err := parseTag(header.Get(headerTag))
	if err != nil || version != tagVersion {
		return false
	}
	msg := b.tagged(version, key, schema, data)
	return b.tagger.Verify(msg, tag) && b.tagger.Present(msg, tag)
}

// schema is that of a record.
func (b *bucket) schema(header nats.Header) (int, error) {
	text := header.Get(headerSchema)
	if text == "" {
		return 1, nil
	}
	schema, err := strconv.ParseUint(text, 10, 31)
	if err != nil || schema < 2 || strconv.FormatUint(schema, 10) != text {
		return 0, fmt.Errorf("schema %.16q: %w", text, errForeign)
	}
	if int(schema) > max(b.spec.Schema, 1) {
		return 0, errNewer
	}
	return int(schema), nil
}

// parseTag reads the header of a tag.
func parseTag(text string) (version int, tag []byte, err error) {
	version = 1
	if i := len(text) - tagLength - 1; i > 0 && text[i] == '.' {
		n, err := strconv.ParseUint(text[:i], 10, 8)
		if err != nil || n < 2 || strconv.FormatUint(n, 10) != text[:i] {
			return 0, nil, errForeign
		}
		if n > tagVersion {
			return 0, nil, errNewer
		}
		version, text = int(n), text[i+1:]
	}
	if tag, err = decodeTag(text); err != nil || len(tag) != TagSize {
		return 0, nil, errForeign
	}
	return version, tag, nil
}

// tagLength is a tag's as text.
const tagLength = 43

// newerEvery is how often the log tells of a bucket that a record in it was written by a newer version.
const newerEvery = time.Minute

// tellNewer has an operator know why a record is not read, now and then.
func (b *bucket) tellNewer(key string, err error) {
	if !errors.Is(err, errNewer) {
		return
	}
	now := time.Now().UnixNano()
	told := b.newerTold.Load()
	if now-told < int64(newerEvery) || !b.newerTold.CompareAndSwap(told, now) {
		return
	}
	b.broker.log.Error().Str("bucket", b.spec.Name).Str("key", key).
		Msg("a record was written by a newer version of picket: it is left as it is, and unknown here until this node is upgraded")
}

// mayReplace tells whether Put may write over what a key has: ErrUnavailable when it is of a newer version, or when
// nobody can tell.
func (b *bucket) mayReplace(ctx context.Context, key string) error {
	if b.spec.Open || !validKey(key) {
		return nil // nobody's version, or refused later
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	for {
		call, done := context.WithTimeout(ctx, callTimeout)
		last, err := b.askLeader(call, key)
		done()
		switch {
		case errors.Is(err, ErrNotFound), err == nil && !last.present():
			return nil
		case err == nil:
			if _, err := b.open(key, last.header, last.data); errors.Is(err, errNewer) {
				b.tellNewer(key, err)
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			return nil
		}
		if !b.broker.pause(ctx) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}
