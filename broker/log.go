package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
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
// not fit into the queue is dropped and counted. An entry is stored as one line of JSON: by its method AppendJSON(dst
// []byte) []byte, if it has one, else as encoding/json has it.
type Log[T any] struct {
	broker  *Broker
	spec    LogSpec
	stream  jetstream.Stream
	subject string
	dropped prometheus.Counter
	wake    chan struct{} // holds one token while Run has to look

	mu     sync.Mutex
	full   [][]byte // guarded by mu: batches that are to be written
	lines  []byte   // guarded by mu: the batch that is not full
	held   int      // guarded by mu: in lines
	queued int      // guarded by mu: in all
	spare  [][]byte // guarded by mu: room that was used, for the next batches
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued >= logQueue {
		l.dropped.Inc()
		return false
	}
	longer, err := appendEntry(l.room(), v)
	if err != nil {
		l.broker.log.Warn().Err(err).Str("log", l.spec.Name).Msg("entry not encoded")
		l.dropped.Inc()
		return false
	}
	l.lines = append(longer, '\n')
	l.queued++
	if l.held++; l.held == logBatch || len(l.lines) >= logBytes {
		l.full = append(l.full, l.lines)
		l.lines, l.held = nil, 0
		l.tell()
	} else if l.held == 1 {
		l.tell()
	}
	return true
}

// room is where the next entry is written; the caller holds mu.
func (l *Log[T]) room() []byte {
	if last := len(l.spare) - 1; l.lines == nil && last >= 0 {
		l.lines, l.spare = l.spare[last][:0], l.spare[:last]
	}
	return l.lines
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
		for batch := l.take(); len(batch) > 0; batch = l.take() {
			l.write(writing, batch)
			l.giveBack(batch)
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

// take gives the oldest batch, full or not; nothing when there is none.
func (l *Log[T]) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []byte
	if len(l.full) > 0 {
		batch, l.full = l.full[0], l.full[1:]
	} else {
		batch, l.lines, l.held = l.lines, nil, 0
	}
	l.queued -= bytes.Count(batch, []byte{'\n'})
	return batch
}

func (l *Log[T]) giveBack(batch []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spare) < logSpare && cap(batch) <= 2*logBytes {
		l.spare = append(l.spare, batch)
	}
}

// write stores a batch of JSON lines in one message. What cannot be stored is dropped: requests do not wait for the log.
func (l *Log[T]) write(ctx context.Context, lines []byte) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := l.broker.stream.Publish(ctx, l.subject, lines); err != nil {
		entries := bytes.Count(lines, []byte{'\n'})
		l.dropped.Add(float64(entries))
		l.broker.log.Debug().Err(err).Str("log", l.spec.Name).Int("entries", entries).Msg("not written")
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
