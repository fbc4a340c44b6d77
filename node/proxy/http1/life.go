package http1

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClientGone ends an exchange whose client left.
var ErrClientGone = errors.New("the client left")

// errServed ends an exchange that came to its own end.
var errServed = errors.New("the request was served")

// Life is how long one exchange goes on: a context that costs nothing until somebody waits for it. The zero Life goes on. It
// is not to be copied.
type Life struct {
	ended atomic.Bool // cause is there, and stays as it is
	kept  atomic.Bool // somebody may hold it beyond its end

	mu    sync.Mutex
	cause error           // guarded by mu before ended; nil: it goes on
	done  chan struct{}   // guarded by mu; nil: nobody waits
	held  io.Closer       // guarded by mu: is closed at the end; nil: nothing is
	after map[*int]func() // guarded by mu: are called at the end
}

// End ends it, for a reason; only the first counts. It tells whether this was the first.
func (l *Life) End(why error) bool {
	l.mu.Lock()
	if l.cause != nil {
		l.mu.Unlock()
		return false
	}
	l.cause = why
	l.ended.Store(true)
	held, after := l.held, l.after
	l.held, l.after = nil, nil
	if l.done != nil {
		close(l.done)
	}
	l.mu.Unlock()
	if held != nil {
		_ = held.Close() // who uses it is told by its error
	}
	for _, f := range after {
		go f() // as context.AfterFunc has it
	}
	return true
}

// Keep says that somebody may hold it, and what it is part of, beyond its end: none of that is then used for another exchange. Done
// and AfterFunc imply it.
func (l *Life) Keep() { l.kept.Store(true) }

// Kept tells whether somebody may hold it.
func (l *Life) Kept() bool { return l.kept.Load() }

// Over ends it well: there is no cause.
func (l *Life) Over() { l.End(errServed) }

// Cause is why it ended; nil: it goes on, or came to its own end.
func (l *Life) Cause() error {
	if !l.ended.Load() || l.cause == errServed {
		return nil
	}
	return l.cause
}

// Hold has something closed when life ends, in place of what was held before. False: it ended already.
func (l *Life) Hold(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return false
	}
	l.held = c
	return true
}

// LetGo ends Hold. False: life ended, and what was held is closed, or about to be.
func (l *Life) LetGo() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
	return l.cause == nil
}

// AfterFunc calls f in a goroutine of its own when life ends; stop prevents that, and tells whether it did. Package context
// knows of it, and of contexts that are made of this one.
func (l *Life) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Keep()
	if l.cause != nil {
		go f()
		return func() bool { return false }
	}
	key := new(int)
	if l.after == nil {
		l.after = map[*int]func(){}
	}
	l.after[key] = f
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		_, waiting := l.after[key]
		delete(l.after, key)
		return waiting
	}
}

// Deadline is none: who sets a time ends it.
func (l *Life) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is closed at the end.
func (l *Life) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Keep()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.cause != nil {
			close(l.done)
		}
	}
	return l.done
}

// Err is context.Canceled after the end; Cause says more.
func (l *Life) Err() error {
	if l.ended.Load() {
		return context.Canceled
	}
	return nil
}

// Value knows nothing.
func (l *Life) Value(any) any { return nil }
