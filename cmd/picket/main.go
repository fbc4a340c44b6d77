// Command picket is an identity-aware access proxy: identical nodes that sign people in, decide who may open what, and
// carry the requests that may pass.
//
// # Rules of the command line
//
// What was asked for goes to standard output, everything else to standard error: the output of a command can always be
// piped. Every command that prints takes -o table (for people, the default) or -o json (for programs); the JSON is a
// promise, the table is not. Tests have -o junit too, which is what CI servers read. Colours appear only on a terminal,
// and never when NO_COLOR is set.
//
// The exit code is 0 when it was done, 1 when it was refused or failed, 2 when the command was misused: an unknown
// command or flag, a missing or superfluous argument. A misuse says what was wrong and how the command is called. A
// question, why or what if, is done when there is an answer, whatever it is; an assertion fails when it does not hold.
// What could not be written to standard output was not done.
//
// An error is one sentence that says what we were doing, what went wrong and, where we know, what to do next. No
// command asks questions. No secret is taken as an argument. What comes from other people, such as the name of their
// browser, is printed without control characters.
//
// A running node is reached at --admin, else PICKET_ADMIN, else 127.0.0.1:9901.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

func main() {
	t := terminal{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, width: width(os.Stderr),
		colour: wantsColour(os.Stdout), colourErr: wantsColour(os.Stderr), outTerminal: width(os.Stdout) > 0,
	}
	os.Exit(t.main(context.Background(), os.Args[1:]))
}

// terminal is where a command reads and writes. It is made once, by main.
type terminal struct {
	in                io.Reader
	out, err          io.Writer
	colour, colourErr bool // out, err is a terminal whose user wants colours
	width             int  // columns of err; 0: not a terminal
	outTerminal       bool // out is a terminal
	env               func(string) string
}

// main runs a command line and tells how it ended.
func (t terminal) main(ctx context.Context, args []string) int {
	out := &output{to: t.out}
	t.out = out
	root := t.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(t.err)
	called, err := root.ExecuteContextC(ctx)
	if out.err != nil && (err == nil || errors.Is(err, errTold)) { // nobody else tells
		err = fmt.Errorf("writing to standard output: %w", cause(out.err))
	}
	var misused *misuse
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &misused):
		fmt.Fprintf(t.err, "picket: %v\n\n%s", err, howToCall(called))
		return exitMisuse
	case errors.Is(err, errTold):
		return exitFailed
	}
	fmt.Fprintf(t.err, "picket: %v\n", err)
	return exitFailed
}

// howToCall reminds of how a command is called: in a line, or in full when one of the commands below it is meant.
func howToCall(c *cobra.Command) string {
	if c.HasAvailableSubCommands() {
		return c.UsageString()
	}
	return fmt.Sprintf("Usage:\n  %s\n\n'%s --help' tells more.\n", c.UseLine(), c.CommandPath())
}

// errTold is a failure that the command has already told.
var errTold = errors.New("failed")

// misuse is a command line that means nothing.
type misuse struct{ error }

// misused is a misuse that says what was wrong.
func misused(format string, args ...any) error { return &misuse{fmt.Errorf(format, args...)} }
