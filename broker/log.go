package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// LogSpec says what an append-only log is like.
type LogSpec struct {
	Name  string        // as DESIGN has it: decisions, audit
	Keep  time.Duration // how long an entry is kept; 0: for ever
	Limit int64         // bytes; the oldest go first; 0: none. In memory, it is 64 MiB at most
}

// Log is a stream of entries that all nodes append to and that is read from a time on. Appending never waits: what does
// not fit into the queue is dropped and counted. An entry is stored as one line of JSON: by its method AppendJSON(dst
// []byte) []byte, if it has one, else as encoding/json has it.
type Log[T any] struct {
	broker  *Broker
	spec    LogSpec
	stream  jetstream.Stream
	subject string
	queue   chan T
	dropped prometheus.Counter
	lines   []byte // of the last batch, to be used again: only Run writes
}

const (
	logSubject = "PICKET.log"
	logQueue   = 8192
	// logBatch entries at most, or what came within logWait, become one message.
	logBatch = 256
	logWait  = 200 * time.Millisecond
	// memoryLog is what a log may take where there is no disk, in bytes.
	memoryLog = 64 << 20
)

// OpenLog finds the log or makes it, as OpenBucket does.
func OpenLog[T any](ctx context.Context, b *Broker, s LogSpec) (*Log[T], error) {
	name := s.Name
	if b.options.Prefix != "" {
		name = b.options.Prefix + "-" + s.Name
	}
	l := &Log[T]{broker: b, spec: s, subject: logSubject + "." + name, queue: make(chan T, logQueue)}
	l.dropped = b.metrics.drops(s.Name)
	limit := int64(-1)
	if s.Limit > 0 {
		limit = s.Limit
	}
	if b.options.storage() == jetstream.MemoryStorage { // which the server sets aside at once
		if limit < 0 || limit > memoryLog {
			limit = memoryLog
		}
	}
	stream, err := b.ensure(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{l.subject}, Storage: b.options.storage(), Replicas: b.options.replicas(),
		Discard: jetstream.DiscardOld, MaxAge: s.Keep, MaxBytes: limit, Compression: jetstream.S2Compression,
		MaxMsgSize: -1, MaxMsgs: -1, MaxConsumers: -1, MaxMsgsPerSubject: -1, Duplicates: window(s.Keep),
		DenyDelete: true, AllowDirect: true,
	})
	if err != nil {
		return nil, fmt.Errorf("opening log %s: %w", name, err)
	}
	l.stream = stream
	return l, nil
}

// window is how long a stream remembers the ids of messages: no longer than the messages.
func window(keep time.Duration) time.Duration {
	if keep <= 0 {
		return 2 * time.Minute
	}
	return min(keep, 2*time.Minute)
}

// Append queues an entry; false when it was dropped. It never waits.
func (l *Log[T]) Append(v T) bool {
	select {
	case l.queue <- v:
		return true
	default:
		l.dropped.Inc()
		return false
	}
}

// Run writes what is queued until ctx ends, and then what is left, as far as a second allows.
func (l *Log[T]) Run(ctx context.Context) error {
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })()
	for {
		batch, more := l.gather(ctx)
		if len(batch) > 0 {
			l.write(writing, batch)
		}
		if !more {
			return nil
		}
	}
}

// gather waits for entries; more is false when ctx has ended and nothing is left.
func (l *Log[T]) gather(ctx context.Context) (batch []T, more bool) {
	select {
	case v := <-l.queue:
		batch = append(batch, v)
	case <-ctx.Done():
		select {
		case v := <-l.queue:
			batch = append(batch, v)
		default:
			return nil, false
		}
	}
	wait := time.NewTimer(logWait)
	defer wait.Stop()
	for len(batch) < logBatch {
		select {
		case v := <-l.queue:
			batch = append(batch, v)
			continue
		default:
		}
		select {
		case v := <-l.queue:
			batch = append(batch, v)
		case <-wait.C:
			return batch, true
		case <-ctx.Done():
			return batch, true
		}
	}
	return batch, true
}

// write stores a batch as JSON lines in one message. What cannot be stored is dropped: requests do not wait for the log.
func (l *Log[T]) write(ctx context.Context, batch []T) {
	lines := l.lines[:0]
	for _, v := range batch {
		longer, err := appendEntry(lines, v)
		if err != nil {
			l.broker.log.Warn().Err(err).Str("log", l.spec.Name).Msg("entry not encoded")
			l.dropped.Inc()
			continue
		}
		lines = append(longer, '\n')
	}
	l.lines = lines
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := l.broker.stream.Publish(ctx, l.subject, lines); err != nil {
		l.dropped.Add(float64(len(batch)))
		l.broker.log.Debug().Err(err).Str("log", l.spec.Name).Int("entries", len(batch)).Msg("not written")
	}
}

// appendEntry writes an entry as JSON behind what dst holds.
func appendEntry(dst []byte, v any) ([]byte, error) {
	if own, ok := v.(interface{ AppendJSON(dst []byte) []byte }); ok {
		return own.AppendJSON(dst), nil
	}
	text, err := json.Marshal(v)
	return append(dst, text...), err
}

// Since yields the entries that were written from a time on, in the order of the stream. An entry that cannot be read is
// yielded as an error, and the reading goes on; when the reading itself breaks, the last error is ErrUnavailable.
func (l *Log[T]) Since(ctx context.Context, from time.Time) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		w := walk{broker: l.broker, stream: l.stream}
		w.config.DeliverPolicy, w.config.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
		err := w.run(ctx, func(msg jetstream.Msg) bool { return l.entries(msg.Data(), yield) })
		if err != nil {
			var zero T
			yield(zero, fmt.Errorf("reading log %s: %w: %w", l.spec.Name, ErrUnavailable, err))
		}
	}
}

// entries yields what one message holds; false: the reader wants no more.
func (l *Log[T]) entries(lines []byte, yield func(T, error) bool) bool {
	for line := range bytes.Lines(lines) {
		var v T
		err := json.Unmarshal(line, &v)
		if err != nil {
			err = fmt.Errorf("reading an entry of log %s: %w", l.spec.Name, err)
		}
		if !yield(v, err) {
			return false
		}
	}
	return true
}
