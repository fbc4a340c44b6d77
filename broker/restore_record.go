package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bringBack makes a record of a backup if the bucket has none, and tells which of the counts that is.
func (b *bucket) bringBack(ctx context.Context, a archived, n *BucketRestored) (*int, error) {
	var left time.Duration
	if a.expires > 0 {
		if left = time.Until(time.Unix(a.expires, 0)); left <= 0 {
			return &n.Expired, nil
		}
	}
	msg, err := b.again(a.key, a.header(), a.data)
	if err != nil || !validKey(a.key) {
		b.broker.log.Warn().Err(err).Str("bucket", b.spec.Name).Str("key", a.key).Msg("record of a backup left out: it cannot be read")
		return &n.Unreadable, nil
	}
	lasting(msg, left)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := b.publishOnce(ctx, msg, expect(0))
		if err == nil {
			return &n.Restored, nil
		}
		if conflict(err) {
			if last, err := b.askLeader(ctx, a.key); err == nil {
				return n.there(last, msg), nil
			}
		}
		if !b.broker.pause(ctx) {
			return nil, fmt.Errorf("writing %s %s: %w: %w", b.spec.Name, a.key, ErrUnavailable, err)
		}
	}
}

// there is the count for a record that could not be made, because of what there was.
func (n *BucketRestored) there(last stored, msg *nats.Msg) *int {
	switch {
	case last.header.Get(headerWrite) == msg.Header.Get(headerWrite):
		return &n.Restored // by an attempt of which the answer was lost
	case last.present():
		return &n.Present
	}
	return &n.Removed
}

// again is the message of a record that was read as it lies in the store: made anew with the first secret, or, when it is
// of a version to come, as it is.
func (b *bucket) again(key string, header nats.Header, data []byte) (*nats.Msg, error) {
	plain, err := b.open(key, header, data)
	if err == nil {
		schema, err := b.schema(header)
		return b.messageOf(max(schema, 1), key, plain), err
	}
	if !errors.Is(err, errNewer) {
		return nil, err
	}
	msg := b.message(key, nil) // for what is not the record's
	msg.Data = data
	for _, name := range keptHeaders {
		msg.Header.Del(name)
		if value := header.Get(name); value != "" {
			msg.Header.Set(name, value)
		}
	}
	return msg, nil
}

// lasting gives a message so long in the store, rounded up to a second; 0: for ever.
func lasting(msg *nats.Msg, ttl time.Duration) {
	if ttl > 0 {
		msg.Header.Set(jetstream.MsgTTLHeader, ((ttl + time.Second - 1) / time.Second * time.Second).String())
	}
}

func (a archived) header() nats.Header {
	header := nats.Header{}
	for _, h := range a.headers {
		header.Set(h[0], h[1])
	}
	return header
}
