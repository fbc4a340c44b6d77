package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Whom to believe. The leader of a stream may be one that was cut off and does not know it yet, or one that was just
// elected and has not applied all that its predecessor acknowledged; and during an election there is none. A replica
// answers always, but may be behind; so it is asked in the same request how far it is.
//
//   - What is kept in memory comes from a replica that is at least where this node's own feed is: it is as fresh as the
//     feed is proved to be, and the feed tells of what comes after. That there is no record is believed only behind a
//     write through the quorum: see inquiry.
//   - A read that precedes a compare-and-set may ask the leader: what it says is checked by the write.

// replicaTimeout is how long one replica may take; then another is asked.
const replicaTimeout = 300 * time.Millisecond

// laggards is how many replicas may say that they are behind before the way round them is taken.
const laggards = 5

// stored is a message of a bucket's stream.
type stored struct {
	sequence uint64
	header   nats.Header
	data     []byte
	time     time.Time // when the store took it in
}

// present tells whether there is a record, and not a mark that it was removed.
func (r stored) present() bool { return r.sequence > 0 && !removal(r.header) }

// found is nil for a record, else ErrNotFound.
func (r stored) found() error {
	if r.present() {
		return nil
	}
	return ErrNotFound
}

// read gets the record of a key from the stream's leader, again while there is none, as long as ctx allows.
func (b *bucket) read(ctx context.Context, key string) (stored, error) {
	if !validKey(key) {
		return stored{}, fmt.Errorf("key %q: %w", key, ErrNotFound)
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	for {
		call, done := context.WithTimeout(ctx, callTimeout)
		r, err := b.askLeader(call, key)
		done()
		switch {
		case err == nil && !removal(r.header):
			return r, nil
		case err == nil, errors.Is(err, ErrNotFound):
			if r, _, err = b.confirm(ctx, key); err == nil {
				return r, r.found()
			}
		}
		if !b.broker.pause(ctx) {
			return stored{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// readFresh reads from a replica that is far enough. Every change up to upTo is in the answer.
func (b *bucket) readFresh(ctx context.Context, key string, q inquiry) (r stored, upTo uint64, err error) {
	if !validKey(key) {
		return stored{}, 0, fmt.Errorf("key %q: %w", key, ErrNotFound)
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	if r, upTo, err = b.inquire(ctx, key, q); err != nil {
		return stored{}, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return r, upTo, r.found()
}

// confirm gives what a replica has that has everything acknowledged before now: a record, a mark of its removal, or nothing.
// Every change up to upTo is in it.
func (b *bucket) confirm(ctx context.Context, key string) (r stored, upTo uint64, err error) {
	sequence, err := b.barrier.pass(ctx, b.heartbeat)
	if err != nil {
		return stored{}, 0, err
	}
	var q inquiry
	q.wrote(sequence)
	return b.inquire(ctx, key, q)
}

// inquire asks until an answer can be believed, or ctx ends.
func (b *bucket) inquire(ctx context.Context, key string, q inquiry) (stored, uint64, error) {
	for asked := 1; ; asked++ {
		r, upTo, err := b.askReplica(ctx, key)
		verdict := behind
		if err == nil {
			verdict = q.judge(r, upTo)
		}
		switch {
		case verdict == believed:
			return r, upTo, nil
		case verdict == doubtful:
			var sequence uint64
			if sequence, err = b.barrier.pass(ctx, b.heartbeat); err == nil {
				q.wrote(sequence)
				continue
			}
		case err == nil && asked >= laggards:
			if r, err = b.readAlong(ctx, key, &q); err == nil {
				return r, q.floor, nil
			}
		case err == nil:
			err = errors.New("no replica is up to date")
		}
		if !b.broker.pause(ctx) {
			return stored{}, 0, errors.Join(err, context.Cause(ctx))
		}
	}
}

// apiMessage is the answer to $JS.API.STREAM.MSG.GET.
type apiMessage struct {
	Error *struct {
		Code        int    `json:"code"`
		Code2       int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
	Message *struct {
		Sequence uint64    `json:"seq"`
		Header   []byte    `json:"hdrs"`
		Data     []byte    `json:"data"`
		Time     time.Time `json:"time"`
	} `json:"message"`
}

// noMessageFound is JetStream's error code for a key that was never written or is long gone.
const noMessageFound = 10037

// askLeader asks the stream's leader once. ErrNotFound when it has nothing, not even a marker.
func (b *bucket) askLeader(ctx context.Context, key string) (stored, error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": b.subject + key})
	if err != nil {
		return stored{}, err
	}
	reply, err := b.broker.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET.KV_"+b.name, request)
	if err != nil {
		return stored{}, err
	}
	var answer apiMessage
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return stored{}, fmt.Errorf("reading the store's answer: %w", err)
	}
	if e := answer.Error; e != nil {
		if e.Code2 == noMessageFound {
			return stored{}, ErrNotFound
		}
		return stored{}, fmt.Errorf("the store says %d: %s", e.Code2, e.Description)
	}
	if answer.Message == nil {
		return stored{}, errors.New("the store's answer holds no message")
	}
	r := stored{sequence: answer.Message.Sequence, data: answer.Message.Data, time: answer.Message.Time}
	if len(answer.Message.Header) > 0 {
		if r.header, err = nats.DecodeHeadersMsg(answer.Message.Header); err != nil {
			return stored{}, fmt.Errorf("reading the record's header: %w", err)
		}
	}
	return r, nil
}

// readAlong reads through a consumer, which the store puts beside a copy of the stream itself. It costs several round trips,
// and finds what replicas that are asked directly do not have: where a region has a mirror, it alone is asked, and one that
// was cut off takes up to two minutes to catch up (nats-server's own back-off).
func (b *bucket) readAlong(ctx context.Context, key string, q *inquiry) (r stored, err error) {
	if !q.sure {
		sequence, err := b.barrier.pass(ctx, b.heartbeat)
		if err != nil {
			return stored{}, err
		}
		q.wrote(sequence)
	}
	w := walk{broker: b.broker, stream: b.stream, atLeast: q.floor}
	w.config.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	w.config.FilterSubjects = []string{b.subject + key, b.subject + b.heartbeatKey()}
	err = w.run(ctx, func(msg jetstream.Msg) bool {
		if msg.Subject() == b.subject+key {
			r = stored{sequence: w.behind, header: msg.Headers(), data: msg.Data()}
		}
		return true
	})
	return r, err
}

// askReplica asks any replica once, for the record (zero: it has none) and for how far it is: upTo is the sequence of the
// last message that it has applied. This node's heartbeat is asked for along with the key, so that the answer is never
// empty: an empty one does not say how far.
func (b *bucket) askReplica(ctx context.Context, key string) (r stored, upTo uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	request, err := json.Marshal(map[string]any{"multi_last": []string{b.subject + key, b.subject + b.heartbeatKey()}})
	if err != nil {
		return stored{}, 0, err
	}
	inbox := b.broker.conn.NewInbox()
	sub, err := b.broker.conn.SubscribeSync(inbox)
	if err != nil {
		return stored{}, 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := b.broker.conn.PublishRequest("$JS.API.DIRECT.GET.KV_"+b.name, inbox, request); err != nil {
		return stored{}, 0, err
	}
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return stored{}, 0, err
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			if msg.Header.Get("Nats-Subject") != b.subject+key {
				continue
			}
			if r, err = replicated(msg); err != nil {
				return stored{}, 0, err
			}
		case "204": // the end of the batch
			upTo, err := strconv.ParseUint(msg.Header.Get("Nats-UpTo-Sequence"), 10, 64)
			return r, upTo, err
		default:
			return stored{}, 0, fmt.Errorf("a replica says %s: %s", status, msg.Header.Get("Description"))
		}
	}
}

func replicated(msg *nats.Msg) (stored, error) {
	sequence, err := strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return stored{}, fmt.Errorf("reading a replica's answer: %w", err)
	}
	taken, err := time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return stored{}, fmt.Errorf("reading a replica's answer: %w", err)
	}
	return stored{sequence: sequence, header: msg.Header, data: msg.Data, time: taken}, nil
}
