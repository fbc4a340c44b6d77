package broker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// feedSubject is where streams republish what they stored: the fast path of the feeds.
	feedSubject = "PICKET.feed"
	// markerLife is how long the store remembers that a record was removed, unless it is told to for longer.
	markerLife = time.Hour
	// firstCall is what a write waits at first; then twice as long each time, up to callTimeout.
	firstCall = 300 * time.Millisecond
	// ensurePause is between two tries to find or make a stream.
	ensurePause = 50 * time.Millisecond
	// knownAgain is how long the store knows a write again by its id.
	knownAgain = 2 * time.Minute
	// heartbeatKey begins the keys that prove freshness; no record's key does.
	heartbeatKey = "=heartbeat."
)

func encodeTag(tag []byte) string           { return base64.RawURLEncoding.EncodeToString(tag) }
func decodeTag(text string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(text) }

// config is the stream below the bucket: a JetStream key-value bucket of one value a key, with expiry by record, and
// republished for the feeds.
func (b *bucket) config() jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:                   "KV_" + b.name,
		Subjects:               []string{b.subject + ">"},
		Storage:                b.broker.options.storage(),
		Replicas:               b.broker.options.replicas(),
		MaxMsgsPerSubject:      1,
		Discard:                jetstream.DiscardNew,
		DenyDelete:             true,
		AllowRollup:            true,
		AllowDirect:            true, // for reads that prove how far the replica is: see read.go
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: markerLife,
		MaxMsgSize:             -1,
		MaxBytes:               -1,
		MaxMsgs:                -1,
		MaxConsumers:           -1,
		Duplicates:             knownAgain,
	}
	if b.spec.fed() {
		c.RePublish = &jetstream.RePublish{Source: b.subject + ">", Destination: b.feedSubject() + ".>"}
	}
	return c
}

func (b *bucket) feedSubject() string { return feedSubject + "." + b.name }

// ensure finds the stream or makes it. During a first start the others are not there yet: it tries until ctx ends. What is
// asked while nobody leads the group is never answered, so it is not asked then; and what is asked in the moment in which
// another node makes the same stream may not be answered either, so it does not wait for long at first.
func (b *Broker) ensure(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	last := errNobodyLeads
	for try := 0; ; {
		if b.led() {
			stream, err := b.tryEnsure(ctx, config, b.callTime(try))
			if err == nil {
				b.hold(stream)
				return stream, nil
			}
			if b.refusedForGood(err) {
				return nil, fmt.Errorf("the store refuses it: %w", err)
			}
			last = err
			try++
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, last)
		case <-time.After(ensurePause):
		}
	}
}

var errNobodyLeads = errors.New("nobody leads the group of peers")

// led tells whether the group of peers has somebody who leads, as far as this node knows: one that stores nothing does not,
// and asks.
func (b *Broker) led() bool {
	if b.server == nil || !b.options.clustered() || !b.options.stores() {
		return true
	}
	info, err := b.server.Jsz(&server.JSzOptions{})
	return err != nil || info.Meta == nil || info.Meta.Leader != ""
}

// refusedForGood tells what no waiting mends: a configuration that the server does not take, more replicas than a lone
// server has, subjects that another stream has, no space or no permission in the account. A cluster that has fewer nodes
// than peers may have them later.
func (b *Broker) refusedForGood(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case 10052, 10065, 10047, 10028, 10039:
		return true
	case 10074:
		return !b.options.clustered()
	}
	return false
}

func (b *Broker) tryEnsure(ctx context.Context, config jetstream.StreamConfig, within time.Duration) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stream, err := b.stream.Stream(ctx, config.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return b.stream.CreateStream(ctx, config)
	}
	if err != nil {
		return nil, err
	}
	if !b.options.external() {
		config.Replicas = stream.CachedInfo().Config.Replicas // as many as there were peers: see keepReplicas
	}
	if same(stream.CachedInfo().Config, config) {
		return stream, nil
	}
	return b.stream.UpdateStream(ctx, config)
}

// same tells whether a stream already is as this version wants it, in what this version sets.
func same(have, want jetstream.StreamConfig) bool {
	republish := func(c jetstream.StreamConfig) jetstream.RePublish {
		if c.RePublish == nil {
			return jetstream.RePublish{}
		}
		return *c.RePublish
	}
	return have.Replicas == want.Replicas && have.MaxAge == want.MaxAge && have.MaxBytes == want.MaxBytes && have.AllowDirect == want.AllowDirect &&
		have.MaxMsgsPerSubject == want.MaxMsgsPerSubject && have.AllowMsgTTL == want.AllowMsgTTL &&
		have.SubjectDeleteMarkerTTL == want.SubjectDeleteMarkerTTL && republish(have) == republish(want)
}

// removal tells whether a message says that its key is gone: deleted by us, or expired (nats-server's marker).
func removal(header nats.Header) bool {
	op := header.Get("KV-Operation")
	return op == "DEL" || op == "PURGE" || header.Get(jetstream.MarkerReasonHeader) != ""
}

// validKey keeps what would be another subject, or none, from the store. A cookie's text never gets here unchecked, but
// an operator's does.
func validKey(key string) bool {
	if key == "" || len(key) > longestKey || strings.HasPrefix(key, ".") || strings.HasSuffix(key, ".") || strings.Contains(key, "..") {
		return false
	}
	for i := 0; i < len(key); i++ {
		c := key[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '=', c == '.', c == '/':
		default:
			return false
		}
	}
	return true
}

// publish writes a message and waits for the quorum's acknowledgement. What timed out may have been written: it is tried
// again under the same id, by which the store knows it again for two minutes, so that it does not overwrite what somebody
// else wrote in between. A conflict with one's own id is a success.
func (b *bucket) publish(ctx context.Context, key string, msg *nats.Msg, expected *uint64) (uint64, error) {
	if !validKey(key) {
		return 0, fmt.Errorf("key %q is not one the store can hold", key)
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, knownAgain/2)
	defer stop()
	msg.Header.Set(jetstream.MsgIDHeader, msg.Header.Get(headerWrite))
	for try := 0; ; try++ {
		sequence, err := b.publishWithin(ctx, msg, expected, b.broker.callTime(try))
		if err == nil {
			return sequence, nil
		}
		if expected != nil && conflict(err) {
			sequence, err := b.resolve(ctx, key, msg, expected)
			if !errors.Is(err, errAgain) {
				return sequence, err
			}
		}
		if !b.broker.pause(ctx) {
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// callTime is how long a write waits for its acknowledgement before it is tried again: at first not long, since what
// reaches a leader in the moment in which it hands over is never answered.
func (b *Broker) callTime(try int) time.Duration {
	if b.options.external() || try > 3 {
		return callTimeout
	}
	return min(firstCall<<try, callTimeout)
}

func (b *bucket) publishWithin(ctx context.Context, msg *nats.Msg, expected *uint64, within time.Duration) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return b.publishOnce(ctx, msg, expected)
}

func (b *bucket) publishOnce(ctx context.Context, msg *nats.Msg, expected *uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	options := []jetstream.PublishOpt{jetstream.WithRetryAttempts(0)}
	if expected != nil {
		options = append(options, jetstream.WithExpectLastSequencePerSubject(*expected))
	}
	ack, err := b.broker.stream.PublishMsg(ctx, msg, options...)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// errAgain says that a conflict was none, and the write deserves another try.
var errAgain = errors.New("again")

// resolve looks what a conflict is about: one's own earlier attempt, a removed record that Create may replace, a spurious
// answer (error 10164 can be one), or a real conflict.
func (b *bucket) resolve(ctx context.Context, key string, msg *nats.Msg, expected *uint64) (uint64, error) {
	call, done := context.WithTimeout(ctx, callTimeout)
	defer done()
	last, _, err := b.confirm(call, key)
	switch {
	case err != nil:
		return 0, errAgain
	case last.sequence > 0 && last.header.Get(headerWrite) == msg.Header.Get(headerWrite):
		return last.sequence, nil
	case *expected == 0 && !last.present() && last.sequence > 0:
		*expected = last.sequence
		return 0, errAgain
	case last.sequence == *expected:
		return 0, errAgain
	}
	return 0, ErrConflict
}

// conflict tells a failed compare-and-set by its two codes: of one server, and of a replicated stream.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == 10164)
}

// patient bounds a call whose caller set no deadline.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience)
}

// pause waits a moment before another try; false when there is none.
func (b *Broker) pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-b.closed:
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}
