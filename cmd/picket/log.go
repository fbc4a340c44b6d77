package main

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"picket/node/config"
)

// newLog writes what a node tells, as its configuration says.
func newLog(w io.Writer, o config.Telemetry, colour bool) zerolog.Logger {
	setLogLevel(o.LogLevel)
	if o.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, NoColor: !colour, TimeFormat: "15:04:05.000"}
	}
	return zerolog.New(w).Hook(new(stamp))
}

// setLogLevel sets how much is told. Loggers that were made before heed it at once: the level is that of the whole program.
func setLogLevel(name string) {
	level, err := zerolog.ParseLevel(name)
	if err != nil || name == "" {
		level = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(level)
}

// logTime is RFC 3339 with milliseconds, of which logSecond is what one second has in common.
const (
	logTime   = logSecond + ".000Z"
	logSecond = "2006-01-02T15:04:05"
)

// stamp gives lines their time. Zerolog's own timestamp is formatted by a variable of that package. The zero stamp is ready.
type stamp struct {
	last atomic.Pointer[second] // of the line before, for the next
}

// second is a second since 1970, and how it is written.
type second struct {
	unix int64
	text [len(logSecond)]byte
}

// Run is called by zerolog for each line.
func (s *stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	var room [len(logTime) + 2]byte
	text := append(s.append(append(room[:0], '"'), time.Now()), '"')
	e.RawJSON(zerolog.TimestampFieldName, text)
}

func (s *stamp) append(dst []byte, when time.Time) []byte {
	is := s.last.Load()
	if unix := when.Unix(); is == nil || is.unix != unix {
		is = &second{unix: unix}
		when.UTC().AppendFormat(is.text[:0], logSecond)
		s.last.Store(is)
	}
	milli := when.Nanosecond() / int(time.Millisecond)
	return append(append(dst, is.text[:]...), '.', byte('0'+milli/100), byte('0'+milli/10%10), byte('0'+milli%10), 'Z')
}
