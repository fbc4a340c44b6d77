package broker

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	heartbeatEvery = time.Second
	// feedBuffer is how many changes may wait to be applied; more are dropped by the connection and found as a gap.
	feedBuffer = 8192
	// clockSlack is how far the wall clock may drift from the monotonic one between two proofs before it counts as a jump.
	clockSlack = 2 * time.Second
)

// change is one message of a bucket's stream as the feed hands it on. An empty key means: anything may have changed.
type change struct {
	key      string
	revision uint64
	removed  bool
	header   nats.Header
	data     []byte
}

// feed follows one bucket that decides access and knows how fresh that knowledge is.
//
// Its fast path is the stream's republished messages, applied in the order of the stream by one goroutine. They come at
// most once, so each must follow its predecessor by one: whatever was missed shows as a gap, at the latest with the next
// heartbeat, and a gap is closed by forgetting all that was cached and reading anew.
//
// Freshness is proved: a heartbeat is written through the stream's quorum, and when the feed has passed its sequence,
// everything acknowledged before it was sent has been applied. The proof is dated to the moment before sending.
type feed struct {
	bucket *bucket

	mu        sync.Mutex
	listeners []func(change) // guarded by mu; called in order, by one goroutine
	holders   []func() bool  // guarded by mu; while one says false, what is known is not whole, and nothing is proved

	floor  atomic.Uint64           // sequence that a read must be at; raised before what is older is forgotten
	passed atomic.Uint64           // sequence up to which all is applied; 0: not begun
	beaten uint64                  // sequence of the last heartbeat; of the goroutine that proves
	proof  atomic.Pointer[instant] // when the last proved heartbeat was sent; nil: never
	echo   chan uint64             // sequences of acknowledged heartbeats, for the applying goroutine
	back   chan uint64             // the same, when they went back
	left   chan struct{}           // closed by Bucket.Close
}

func newFeed(b *bucket) *feed {
	return &feed{bucket: b, echo: make(chan uint64, 1), back: make(chan uint64), left: make(chan struct{})}
}

// follow has f called for every change from now on.
func (f *feed) follow(listener func(change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners, listener)
}

// hold has a proof wait until settled says true.
func (f *feed) hold(settled func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holders = append(f.holders, settled)
}

func (f *feed) whole() bool {
	f.mu.Lock()
	holders := f.holders
	f.mu.Unlock()
	for _, settled := range holders {
		if !settled() {
			return false
		}
	}
	return true
}

// live tells whether the feed has begun: before, nothing may be cached.
func (f *feed) live() bool { return f.passed.Load() > 0 }

// age is how old this feed's knowledge may be.
func (f *feed) age(now instant) time.Duration {
	proof := f.proof.Load()
	if proof == nil {
		return never
	}
	age, wall := now.monotonic-proof.monotonic, now.wall-proof.wall
	if drift := wall - age; drift > clockSlack || drift < -clockSlack {
		return never
	}
	return max(age, wall) // a short suspension is time, too
}

// run applies changes until ctx ends.
func (f *feed) run(ctx context.Context) error {
	messages := make(chan *nats.Msg, feedBuffer)
	sub, err := f.bucket.broker.conn.ChanSubscribe(f.bucket.feedSubject()+".>", messages)
	if err != nil {
		return fmt.Errorf("following %s: %w", f.bucket.spec.Name, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := f.begin(ctx); err != nil {
		return nil // ctx ended
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-messages:
			f.apply(msg)
		case sequence := <-f.back:
			f.forget(sequence)
		case sequence := <-f.echo:
			f.catchUp(ctx, sequence, messages)
		}
	}
}

// begin finds where the stream stands. The subscription is there already, so that nothing falls between.
func (f *feed) begin(ctx context.Context) error {
	for {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		info, err := f.bucket.stream.Info(call)
		cancel()
		if err == nil {
			f.floor.Store(info.State.LastSeq)
			f.passed.Store(max(info.State.LastSeq, 1))
			return nil
		}
		if !f.bucket.broker.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// apply hands one republished message on, or everything when some were missed before it.
func (f *feed) apply(msg *nats.Msg) {
	sequence, err := strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return // not of the stream: nobody else may publish here, and nothing is learned from it
	}
	passed := f.passed.Load()
	switch {
	case sequence <= passed:
		return
	case sequence > passed+1:
		f.forget(sequence)
		return
	}
	key := strings.TrimPrefix(msg.Subject, f.bucket.feedSubject()+".")
	if !strings.HasPrefix(key, heartbeatKey) {
		f.tell(change{key: key, revision: sequence, removed: removal(msg.Header), header: msg.Header, data: msg.Data})
	}
	f.floor.Store(sequence)
	f.passed.Store(sequence)
}

// catchUp makes sure that the feed passes the sequence of an acknowledged heartbeat: by what is waiting, by a moment's
// patience, else by forgetting.
func (f *feed) catchUp(ctx context.Context, sequence uint64, messages <-chan *nats.Msg) {
	patience := time.NewTimer(heartbeatEvery / 2)
	defer patience.Stop()
	for f.passed.Load() < sequence {
		select {
		case <-ctx.Done():
			return
		case msg := <-messages:
			f.apply(msg)
		case <-patience.C:
			f.forget(sequence)
		}
	}
}

// forget closes a gap: all that was known of the bucket is dropped, and read anew when it is asked for.
func (f *feed) forget(upTo uint64) {
	f.bucket.broker.metrics.gap(f.bucket.spec.Name)
	f.bucket.broker.log.Warn().Str("bucket", f.bucket.spec.Name).
		Uint64("from", f.passed.Load()+1).Uint64("to", upTo).Msg("missed changes of the store; reading anew")
	f.floor.Store(upTo)
	f.tell(change{revision: upTo})
	f.passed.Store(upTo)
}

func (f *feed) tell(c change) {
	f.mu.Lock()
	listeners := f.listeners
	f.mu.Unlock()
	for _, listener := range listeners {
		listener(c)
	}
}

// beat proves freshness again and again until ctx ends.
func (f *feed) beat(ctx context.Context) error {
	if f.wait(ctx, 1) != nil { // the feed has not begun
		return nil
	}
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	failing := false
	for {
		err := f.prove(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if (err != nil) != failing {
			failing = err != nil
			f.report(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (f *feed) report(err error) {
	log := f.bucket.broker.log.With().Str("bucket", f.bucket.spec.Name).Logger()
	if err != nil {
		log.Warn().Err(err).Dur("admits_for", f.bucket.broker.options.MaxStaleness).Msg("cannot prove freshness; trying on")
		return
	}
	log.Info().Msg("freshness is proved again")
}

// prove writes one heartbeat and waits until the feed has passed it.
func (f *feed) prove(ctx context.Context) error {
	sent := present()
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	sequence, err := f.bucket.heartbeat(call)
	if err != nil {
		return fmt.Errorf("writing a heartbeat: %w", err)
	}
	back := sequence <= f.beaten
	f.beaten = sequence
	if back {
		return f.goBack(call, sequence)
	}
	select {
	case f.echo <- sequence:
	case <-call.Done():
		return errors.New("the feed does not keep up")
	}
	if err := f.wait(call, sequence); err != nil {
		return err
	}
	if !f.whole() {
		return errors.New("what was missed is still being read")
	}
	f.proof.Store(&sent)
	f.bucket.broker.metrics.proved(f.bucket.spec.Name, present().monotonic-sent.monotonic)
	return nil
}

// goBack has everything read anew when the stream's sequences do not go on from what they were: it was made anew, restored,
// or lost what it had. This heartbeat proves nothing; the next one does.
func (f *feed) goBack(ctx context.Context, sequence uint64) error {
	select {
	case f.back <- sequence:
	case <-ctx.Done():
	}
	return errors.New("the store went back: it was made anew or restored, or lost what it had; reading anew")
}

// wait returns when the feed has passed a sequence.
func (f *feed) wait(ctx context.Context, sequence uint64) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for f.passed.Load() < sequence {
		select {
		case <-ctx.Done():
			return errors.New("the heartbeat did not come back")
		case <-tick.C:
		}
	}
	return nil
}

// heartbeat writes this node's heartbeat once and returns its sequence when a quorum has it.
func (b *bucket) heartbeat(ctx context.Context) (uint64, error) {
	return b.publishOnce(ctx, b.message(b.heartbeatKey(), []byte(`{}`)), nil)
}

// heartbeatKey is the key of this node's heartbeats. A node's name may hold what a key may not.
func (b *bucket) heartbeatKey() string {
	return heartbeatKey + hex.EncodeToString([]byte(b.broker.options.Node))
}
