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

	// Collect has entries appended that somebody holds back. Run calls it before what fills no batch is written, last of all when
	// it ends; see Log.Soon. Nil: nobody does.
	Collect func()
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
	held   int      // guarded by mu: bytes of full
	spare  [][]byte // guarded by mu: room that was used, for the next batches
	common commons  // guarded by mu: of open
}

// batch is entries that are written together.
type batch struct {
	lines   []byte
	entries int
	whole   int  // bytes, as the lines are read
	common  bool // texts stand in them by their numbers
}

// full tells whether no more is to be added.
func (b *batch) full() bool {
	return b.entries >= logBatch || len(b.lines) >= logBytes || b.whole >= longestBatch/2
}

const (
	logSubject = "PICKET.log"
	// logQueue entries or so many bytes wait for the store at most. Whoever asks says how long an entry is.
	logQueue  = 8192
	queueSize = 64 << 20
	// logBatch entries or so many bytes, or what came within logWait, become one message.
	logBatch = 1024
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
	if !l.begin(len(entry)) {
		return false
	}
	l.open.lines = append(l.open.lines, entry...)
	l.open.whole += len(entry)
	l.end()
	return true
}

// AppendParts is AppendJSON of an entry in parts, one behind the other. Every second one, from the second on, is a text that
// the entry has in common with others: one slice for all, which nobody ever changes. It is stored once with many entries.
func (l *Log[T]) AppendParts(parts [][]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if !l.begin(length) {
		return false
	}
	for i, part := range parts {
		l.open.whole += len(part)
		if i%2 == 0 {
			l.open.lines = append(l.open.lines, part...)
		} else {
			l.open.lines = l.common.append(l.open.lines, part)
		}
	}
	l.open.common = l.common.next > 0
	l.end()
	return true
}

// begin makes ready for an entry of so many bytes, unless there is no room, or it could not be read; the caller holds mu. A
// long one is a batch of its own: where the store does not take that, it takes no others with it.
func (l *Log[T]) begin(length int) bool {
	if l.queued >= logQueue || l.held+len(l.open.lines)+length > queueSize || length >= longestBatch {
		l.dropped.Inc()
		return false
	}
	if length > logBytes && l.open.entries > 0 {
		l.fill()
	}
	if last := len(l.spare) - 1; l.open.lines == nil && last >= 0 {
		l.open.lines, l.spare = l.spare[last][:0], l.spare[:last]
	}
	return true
}

// end is called behind an entry; the caller holds mu.
func (l *Log[T]) end() {
	l.open.lines = append(l.open.lines, '\n')
	l.open.whole++
	l.open.entries++
	l.queued++
	switch {
	case l.open.full():
		l.fill()
		l.tell()
	case l.open.entries == 1:
		l.tell()
	}
}

// fill takes the batch that is open for full; the caller holds mu.
func (l *Log[T]) fill() {
	b := l.close()
	l.full, l.held = append(l.full, b), l.held+len(b.lines)
}

// close gives the batch that is open, and begins another; the caller holds mu.
func (l *Log[T]) close() (b batch) {
	b, l.open = l.open, batch{}
	l.common.forget()
	return b
}

// Soon tells that there are entries for LogSpec.Collect: it is called within logWait, while Run runs and the store keeps up. Soon
// does not wait.
func (l *Log[T]) Soon() { l.tell() }

func (l *Log[T]) tell() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run writes what is queued until ctx ends, and then what is left, as far as a second allows. What fills no batch waits for
// more, logWait at most: under load a message is a whole batch, for a message costs far more than an entry.
func (l *Log[T]) Run(ctx context.Context) error {
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })()
	late := time.NewTimer(logWait)
	defer late.Stop()
	runs := true // late is to come
	for {
		due := false // also what fills no batch is to be written
		select {
		case <-l.wake:
		case <-late.C:
			due, runs = true, false
		case <-ctx.Done():
		}
		last := ctx.Err() != nil // asked before it is written: what comes meanwhile is written next
		due = due || last
		l.writeQueued(writing, due)
		if last {
			return nil
		}
		if !due && !runs {
			late.Reset(logWait)
			runs = true
		}
	}
}

// writeQueued writes what is full, and once what is not, if that is due: what comes meanwhile may be the next batch.
func (l *Log[T]) writeQueued(ctx context.Context, due bool) {
	if due && l.spec.Collect != nil {
		l.spec.Collect()
	}
	for wrote := true; wrote; {
		b, last := l.take(due)
		wrote, due = b.entries > 0, due && !last
		if wrote {
			l.write(ctx, b)
			l.giveBack(b.lines)
		}
	}
}

// take gives the oldest batch that is full, or, last of all, what fills none, if that is due; the zero batch when there is none.
func (l *Log[T]) take(due bool) (b batch, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.full) > 0 {
		b = l.full[0]
		l.full, l.held = slices.Delete(l.full, 0, 1), l.held-len(b.lines)
	} else if due {
		b, last = l.close(), true
	}
	l.queued -= b.entries
	return b, last
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
