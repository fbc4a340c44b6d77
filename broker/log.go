package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"
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
// not fit into the queue is dropped and counted. An entry is one line of JSON; what comes within a moment is stored as one
// message of such lines (see log_batch.go).
type Log[T any] struct {
	broker  *Broker
	spec    LogSpec
	stream  jetstream.Stream
	subject string
	dropped prometheus.Counter
	wake    chan struct{} // holds one token while Run has to look

	packed []byte // of Run: room for what is stored of a batch

	mu     sync.Mutex
	full   []batch  // guarded by mu: that are to be written
	open   batch    // guarded by mu: that is not full
	queued int      // guarded by mu: entries, in all
	spare  [][]byte // guarded by mu: room that was used, for the next batches
}

// batch is entries that are written together.
type batch struct {
	lines   []byte
	entries int
}

const (
	logSubject = "PICKET.log"
	logQueue   = 8192
	// logBatch entries or so many bytes, or what came within logWait, become one message.
	logBatch = 256
	logBytes = 256 << 10
	logWait  = 200 * time.Millisecond
	// logSpare is how many used batches keep their room.
	logSpare = 4
	// memoryLog is what a log may take where there is no disk, in bytes.
	memoryLog = 64 << 20
)

// OpenLog finds the log or makes it, as OpenBucket does.
func OpenLog[T any](ctx context.Context, b *Broker, s LogSpec) (*Log[T], error) {
	name := s.Name
	if b.options.Prefix != "" {
		name = b.options.Prefix + "-" + s.Name
	}
	l := &Log[T]{broker: b, spec: s, subject: logSubject + "." + name, wake: make(chan struct{}, 1)}
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

// Append queues an entry, encoded at once; false when it was dropped. It never waits for the store, and keeps nothing of the
// entry.
func (l *Log[T]) Append(v T) bool {
	text, err := json.Marshal(v)
	if err != nil {
		l.broker.log.Warn().Err(err).Str("log", l.spec.Name).Msg("entry not encoded")
		l.dropped.Inc()
		return false
	}
	return l.AppendJSON(text)
}

// AppendJSON is Append of an entry that is encoded: a value of JSON in one line, without its end.
func (l *Log[T]) AppendJSON(entry []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued >= logQueue {
		l.dropped.Inc()
		return false
	}
	l.open.lines = append(append(l.room(), entry...), '\n')
	l.open.entries++
	l.queued++
	if l.open.entries == logBatch || len(l.open.lines) >= logBytes {
		l.full = append(l.full, l.open)
		l.open = batch{}
		l.tell()
	} else if l.open.entries == 1 {
		l.tell()
	}
	return true
}

// room is where the next entry is written; the caller holds mu.
func (l *Log[T]) room() []byte {
	if last := len(l.spare) - 1; l.open.lines == nil && last >= 0 {
		l.open.lines, l.spare = l.spare[last][:0], l.spare[:last]
	}
	return l.open.lines
}

func (l *Log[T]) tell() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run writes what is queued until ctx ends, and then what is left, as far as a second allows.
func (l *Log[T]) Run(ctx context.Context) error {
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })()
	for {
		l.await(ctx)
		for b := l.take(); b.entries > 0; b = l.take() {
			l.write(writing, b)
			l.giveBack(b.lines)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// await waits for entries, and then a while for more, unless a batch is full or ctx ends.
func (l *Log[T]) await(ctx context.Context) {
	select {
	case <-l.wake:
	case <-ctx.Done():
		return
	}
	late := time.NewTimer(logWait)
	defer late.Stop()
	for !l.hasFull() {
		select {
		case <-l.wake:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (l *Log[T]) hasFull() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.full) > 0
}

// take gives the oldest batch, full or not; the zero batch when there is none.
func (l *Log[T]) take() (b batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.full) > 0 {
		b = l.full[0]
		l.full = slices.Delete(l.full, 0, 1)
	} else {
		b, l.open = l.open, batch{}
	}
	l.queued -= b.entries
	return b
}

func (l *Log[T]) giveBack(lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spare) < logSpare && cap(lines) <= 2*logBytes {
		l.spare = append(l.spare, lines)
	}
}

// write stores a batch in one message. What cannot be stored is dropped: requests do not wait for the log.
func (l *Log[T]) write(ctx context.Context, b batch) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	msg := b.pack(l.subject, l.packed)
	l.packed = msg.Data[:0]
	if _, err := l.broker.stream.PublishMsg(ctx, msg); err != nil {
		l.dropped.Add(float64(b.entries))
		l.broker.log.Debug().Err(err).Str("log", l.spec.Name).Int("entries", b.entries).Msg("not written")
	}
}

// Since yields the entries that were written from a time on, in the order of the stream. An entry that cannot be read is
// yielded as an error, and the reading goes on; when the reading itself breaks, the last error is ErrUnavailable.
func (l *Log[T]) Since(ctx context.Context, from time.Time) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		w := walk{broker: l.broker, stream: l.stream}
		w.config.DeliverPolicy, w.config.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
		err := w.run(ctx, func(msg jetstream.Msg) bool { return l.entries(msg, yield) })
		if err != nil {
			var zero T
			yield(zero, fmt.Errorf("reading log %s: %w: %w", l.spec.Name, ErrUnavailable, err))
		}
	}
}

// entries yields what one message holds; false: the reader wants no more.
func (l *Log[T]) entries(msg jetstream.Msg, yield func(T, error) bool) bool {
	lines, err := unpack(msg.Headers(), msg.Data())
	if err != nil {
		var zero T
		return yield(zero, fmt.Errorf("reading entries of log %s: %w", l.spec.Name, err))
	}
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
