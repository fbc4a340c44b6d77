package main

import (
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	logRoom = 64 << 10              // bytes, at which lines are written
	logHold = 20 * time.Millisecond // how long a line is held at most: nobody who looks has to wait
)

// logWriter writes the lines of a log: whole, in order, and many at once where many come. A line after which nothing came for a
// while is written at once, and so is one that warns or worse, behind those that were held; others wait for more. A process
// that is killed, or panics, loses what it holds: that is less than logRoom, and not older than logHold.
type logWriter struct {
	to   io.Writer
	hold time.Duration // how long a line is held at most; 0: none is held

	mu   sync.Mutex
	held []byte      // guarded by mu
	last time.Time   // guarded by mu: when lines were last written
	late *time.Timer // guarded by mu: writes what is held; nil: no line was held yet
	err  error       // guarded by mu: of what was written while nobody asked; told with the next line
	torn bool        // guarded by mu: what was written ends in the middle of a line
}

// WriteLevel takes a line. It keeps nothing of it.
func (l *logWriter) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.held) == 0
	if first && l.torn { // as on a disk that was full: the next line is not to be lost with it
		l.held = append(l.held, '\n')
	}
	l.held = append(l.held, line...)
	switch {
	case l.hold == 0, level >= zerolog.WarnLevel, len(l.held) >= logRoom, first && time.Since(l.last) >= l.hold:
		l.write()
	case first:
		l.wait()
	}
	err := l.err
	l.err = nil
	if err != nil {
		return 0, err
	}
	return len(line), nil
}

// Write takes a line of which nothing is known.
func (l *logWriter) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// Straight has what is held written, and from now on each line at once.
func (l *logWriter) Straight() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold = 0
	l.write()
}

// wait has the line that is held written in time; the caller holds mu.
func (l *logWriter) wait() {
	if l.late == nil {
		l.late = time.AfterFunc(l.hold, l.flush)
		return
	}
	l.late.Reset(l.hold)
}

// flush writes what is held.
func (l *logWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

// write writes what is held; the caller holds mu. What cannot be written is lost.
func (l *logWriter) write() {
	if len(l.held) == 0 {
		return
	}
	n, err := l.to.Write(l.held)
	if err != nil && l.err == nil {
		l.err = err
	}
	if n > 0 {
		l.torn = l.held[n-1] != '\n'
	}
	l.last = time.Now()
	l.held = l.held[:0]
	if cap(l.held) > 2*logRoom {
		l.held = nil
	}
}
