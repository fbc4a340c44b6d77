package broker

import (
	"strings"

	"github.com/rs/zerolog"
)

// serverLog passes the embedded server's own lines on: what an operator must see at the level it deserves, the rest as debug.
type serverLog struct{ log zerolog.Logger }

// Noticef is chatter of the server's life.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Debugf is more of it.
func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Tracef is the protocol.
func (l *serverLog) Tracef(format string, v ...any) { l.log.Trace().Msgf(format, v...) }

// Warnf is a warning, but for what the server repeats by design.
func (l *serverLog) Warnf(format string, v ...any) {
	if strings.Contains(format, "RAFT") || strings.Contains(format, "Plaintext passwords") {
		l.log.Debug().Msgf(format, v...)
		return
	}
	l.log.Warn().Msgf(format, v...)
}

// Errorf is an error; a peer that is down is one for each attempt, and told as a warning.
func (l *serverLog) Errorf(format string, v ...any) {
	if strings.HasPrefix(format, "Error trying to connect to route") {
		l.log.Debug().Msgf(format, v...)
		return
	}
	l.log.Error().Msgf(format, v...)
}

// Fatalf ends the server, not the node: what it was needed for fails and says so.
func (l *serverLog) Fatalf(format string, v ...any) { l.log.Error().Msgf(format, v...) }
