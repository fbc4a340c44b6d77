package main

import (
	"errors"
	"io"
	"syscall"
)

// output is standard output. It remembers what could not be written, for commands that print many lines and look at none: what
// was asked for is not lost without a word, as on a disk that is full.
type output struct {
	to  io.Writer
	err error // the first; nil: everything was written, or the reader had seen enough
}

// Write writes on.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if o.err == nil && !errors.Is(err, syscall.EPIPE) {
		o.err = err
	}
	return n, err
}

// ReadFrom lets a tunnel be copied as fast as what is behind allows. Whoever copies hears of errors, and whose they are.
func (o *output) ReadFrom(r io.Reader) (int64, error) { return io.Copy(o.to, r) }
