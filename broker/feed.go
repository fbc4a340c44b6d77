package broker

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

const (
	heartbeatEvery = time.Second
	// firstBeats is the same while heartbeats fail and nothing was proved yet.
	firstBeats = 100 * time.Millisecond
	// idleEvery is heartbeatEvery for a bucket that decides nothing: a change is told at once, and one that was not told is
	// missed this long at most.
	idleEvery = 5 * time.Second
	// echoPatience is how long an acknowledged heartbeat may take to come back before what it follows counts as missed.
	echoPatience = heartbeatEvery / 2
	// feedBuffer is how many changes may wait to be applied; more are dropped by the connection and found as a gap.
	feedBuffer = 8192
)

// feed follows one bucket. It does what the follower cannot: it listens to the stream's republished
// messages, writes heartbeats, keeps time, and tells the log and the metrics.
type feed struct {
	follower
	bucket *bucket

	mu        sync.Mutex
	listeners []func(change) // guarded by mu; called in order, by one goroutine
	holders   []func() bool  // guarded by mu; while one says false, what is known is not whole

	acks  chan ack                   // of heartbeats
	nudge chan struct{}              // a view became whole
	again chan struct{}              // the next heartbeat need not wait
	works chan func(context.Context) // for run to start
	begun chan struct{}              // closed when the feed has begun
	first chan struct{}              // closed with the first proof
	why   atomic.Pointer[doubt]      // nothing was proved since, for this reason; nil: the last heartbeat proved
	left  chan struct{}              // closed by Bucket.Close
	stale bool                       // that this node admits no more was told; of the goroutine that drives
}

// ack is how writing a heartbeat went.
type ack struct {
	beat
	err error
}

func newFeed(b *bucket) *feed {
	f := &feed{
		bucket: b, acks: make(chan ack), nudge: make(chan struct{}, 1), again: make(chan struct{}, 1),
		works: make(chan func(context.Context), 16), begun: make(chan struct{}), first: make(chan struct{}),
		left: make(chan struct{}),
	}
	f.follower.key, f.follower.tell, f.follower.whole = b.heartbeatKey(), f.tellAll, f.settled
	return f
}

// follow has listener called for every change from now on.
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

func (f *feed) settled() bool {
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

func (f *feed) tellAll(c change) {
	f.mu.Lock()
	listeners := f.listeners
	f.mu.Unlock()
	for _, listener := range listeners {
		listener(c)
	}
}

// filled says that a view which held proofs up is whole.
func (f *feed) filled() { poke(f.nudge) }

// poke leaves a token in a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run follows the bucket until ctx ends.
func (f *feed) run(ctx context.Context) error {
	messages := make(chan *nats.Msg, feedBuffer)
	sub, err := f.bucket.broker.conn.ChanSubscribe(f.bucket.feedSubject()+".>", messages)
	if err != nil {
		return fmt.Errorf("following %s: %w", f.bucket.spec.Name, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := f.find(ctx); err != nil {
		return nil // ctx ended
	}
	close(f.begun)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group := &errgroup.Group{}
	group.Go(func() error { f.beat(ctx); return nil })
	group.Go(func() error { defer stop(); f.drive(ctx, group, messages); return nil })
	return group.Wait()
}

// find finds where the stream stands. The subscription is there already, so that nothing falls between.
func (f *feed) find(ctx context.Context) error {
	for {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		info, err := f.bucket.stream.Info(call)
		cancel()
		if err == nil {
			f.begin(info.State.LastSeq, info.State.LastTime)
			return nil
		}
		if !f.bucket.broker.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// drive gives the follower what happens, one thing after the other.
func (f *feed) drive(ctx context.Context, group *errgroup.Group, messages <-chan *nats.Msg) {
	patience := time.NewTimer(never)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case work := <-f.works:
			group.Go(func() error { work(ctx); return nil })
		case msg := <-messages:
			if n, ok := f.parse(msg); ok {
				f.doubted(f.hear(n))
			}
		case a := <-f.acks:
			f.answered(a)
			patience.Reset(echoPatience)
		case <-patience.C:
			f.doubted(f.tire())
		case <-f.nudge:
		}
		if b, ok := f.settle(); ok {
			f.proved(b)
		}
	}
}

// parse reads a republished message; false when it is not of the stream: nobody else may publish here, and nothing is
// learned from it.
func (f *feed) parse(msg *nats.Msg) (news, bool) {
	sequence, err := strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return news{}, false
	}
	n := news{change: change{revision: sequence, removed: removal(msg.Header), header: msg.Header, data: msg.Data}}
	n.key = strings.TrimPrefix(msg.Subject, f.bucket.feedSubject()+".")
	n.previous, _ = strconv.ParseUint(msg.Header.Get(jetstream.LastSequenceHeader), 10, 64)
	n.taken, _ = time.Parse(time.RFC3339Nano, msg.Header.Get(jetstream.TimeStampHeaer))
	return n, true
}

// beat writes heartbeats until ctx ends.
func (f *feed) beat(ctx context.Context) {
	every := heartbeatEvery
	if !f.bucket.spec.Decides {
		every = idleEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		a := ack{beat: beat{sent: f.bucket.broker.clock.now()}}
		a.sequence, a.err = f.bucket.heartbeat(ctx)
		select {
		case f.acks <- a:
		case <-ctx.Done():
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-f.again:
		case <-f.soon(a.err):
		}
	}
}

// soon tells when to write the next heartbeat, where that is before its time: a stream that was just made has nobody who
// leads it, and a node that waits for its first proof serves nobody.
func (f *feed) soon(err error) <-chan time.Time {
	if err == nil || f.known() {
		return nil
	}
	return time.After(firstBeats)
}

// heartbeat writes this node's heartbeat once and returns its sequence when a quorum has it.
func (b *bucket) heartbeat(ctx context.Context) (uint64, error) {
	return b.publishOnce(ctx, b.message(b.heartbeatKey(), []byte(`{}`)), nil)
}

// heartbeatKey is the key of this node's heartbeats. A node's name may hold what a key may not.
func (b *bucket) heartbeatKey() string {
	return heartbeatKey + hex.EncodeToString([]byte(b.broker.options.Node))
}
