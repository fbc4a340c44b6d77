package broker

import (
	"fmt"
	"strings"

	"github.com/rs/zerolog"
)

// serverLog passes the embedded server's own lines on: what an operator must see at the level it deserves, the rest as
// debug. What it says of refused connections is put in words for people: see strangers.
type serverLog struct {
	log       zerolog.Logger
	strangers *strangers
	fatal     chan string // what ends the server; only the first is kept
	writes    chan string // that a file could not be written; only the first is kept
}

// Noticef is chatter of the server's life.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Debugf is more of it.
func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Tracef is the protocol.
func (l *serverLog) Tracef(format string, v ...any) { l.log.Trace().Msgf(format, v...) }

// Warnf is a warning, but for what the server says of every start and every election.
func (l *serverLog) Warnf(format string, v ...any) { l.at(zerolog.WarnLevel, format, v) }

// Errorf is an error, but for what a peer's restart does to its connections.
func (l *serverLog) Errorf(format string, v ...any) { l.at(zerolog.ErrorLevel, format, v) }

// Fatalf is why the server ends. It does not end the node: whoever started the server is told.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
	l.log.Error().Msgf(format, v...)
}

func (l *serverLog) at(level zerolog.Level, format string, v []any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(text, writeError) {
		select {
		case l.writes <- text:
		default:
		}
	}
	if l.strangers.take(text) {
		l.log.Debug().Msg(text)
		return
	}
	for _, part := range everyday {
		if strings.Contains(text, part) {
			level = zerolog.DebugLevel
		}
	}
	l.log.WithLevel(level).Msg(text)
}

// writeError is in each line by which the server says that a file could not be written, and that what it belongs to takes no
// more writes. It does so for good, and tells it in no other way.
const writeError = "ritical write error"

// everyday are parts of lines that tell an operator nothing to act on.
var everyday = [...]string{
	"RAFT", "Waiting for routing", "has not established contact with a meta leader", "Metalayer blocking snapshot",
	"Error trying to connect to route", "Error flushing", "broken pipe", "connection reset by peer",
	"processRemoteSub Parse Error", // a connection that was refused goes on talking for a moment
	"Catchup for stream", "Filestore", "JetStream cluster",
}
