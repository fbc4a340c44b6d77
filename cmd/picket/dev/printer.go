package dev

import (
	"fmt"
	"io"
	"sync"
)

// The colours that we use (ECMA-48, SGR).
const (
	plain  = ""
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// printer writes what a person reads in the terminal, whole lines at a time, whoever speaks.
type printer struct {
	colour bool

	mu   sync.Mutex
	out  io.Writer // guarded by mu
	open bool      // a line was begun and not ended; guarded by mu
}

// paint gives a text a colour, where colours are wanted.
func (p *printer) paint(colour, text string) string {
	if !p.colour || colour == plain {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// say writes a line of its own.
func (p *printer) say(format string, args ...any) {
	p.finish()
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// begin writes the beginning of a line that end goes on with, unless something else is said meanwhile.
func (p *printer) begin(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.out, text)
	p.open = true
}

// end ends the line that was begun. If it is gone, it is begun again.
func (p *printer) end(begun, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open {
		fmt.Fprint(p.out, begun)
	}
	p.open = false
	fmt.Fprintln(p.out, text)
}

// finish ends a line that was begun and will not be gone on with.
func (p *printer) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprintln(p.out)
	}
	p.open = false
}
