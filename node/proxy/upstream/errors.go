package upstream

import (
	"errors"
	"fmt"
	"net"
)

// ErrFull says that as many requests are under way, or waiting for that, as a route allows.
var ErrFull = errors.New("as many requests are under way as the applications of this route are to have")

// ErrUnreachable is in the errors of connecting: nothing was sent to anyone.
var ErrUnreachable = errors.New("no connection")

// unreachable is why there is no connection.
type unreachable struct {
	origin string
	err    error
}

// Error names the application.
func (e *unreachable) Error() string { return fmt.Sprintf("connecting to %s: %v", e.origin, e.err) }

// Unwrap gives the reason, and ErrUnreachable.
func (e *unreachable) Unwrap() []error { return []error{ErrUnreachable, e.err} }

// Timeout tells whether connecting took too long.
func (e *unreachable) Timeout() bool {
	var wait net.Error
	return errors.As(e.err, &wait) && wait.Timeout()
}

// Temporary belongs to net.Error.
func (e *unreachable) Temporary() bool { return false }

// Failure is how a try failed.
type Failure uint8

// How tries fail.
const (
	Connect Failure = iota // there was no connection: nothing was sent
	Reset                  // the connection ended, or what came was no answer
	Timeout                // no answer came in time
	kinds
)

// String is the name of a failure in the configuration and in metrics.
func (f Failure) String() string { return [...]string{"connect", "reset", "timeout"}[f] }

// Classify says how a try failed, by its error.
func Classify(err error) Failure {
	var wait net.Error
	switch {
	case errors.Is(err, ErrUnreachable):
		return Connect
	case errors.As(err, &wait) && wait.Timeout():
		return Timeout
	}
	return Reset
}
