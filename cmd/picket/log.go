package main

import (
	"io"
	"time"

	"github.com/rs/zerolog"

	"picket/node/config"
)

// logTime is RFC 3339 with milliseconds.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// newLog writes what a node tells, as its configuration says.
func newLog(w io.Writer, o config.Telemetry, colour bool) zerolog.Logger {
	setLogLevel(o.LogLevel)
	if o.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, NoColor: !colour, TimeFormat: "15:04:05.000"}
	}
	return zerolog.New(w).Hook(zerolog.HookFunc(stampTime))
}

// setLogLevel sets how much is told. Loggers that were made before heed it at once: the level is that of the whole program.
func setLogLevel(name string) {
	level, err := zerolog.ParseLevel(name)
	if err != nil || name == "" {
		level = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(level)
}

// stampTime gives a line its time. Zerolog's own timestamp is formatted by a variable of that package.
func stampTime(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().UTC().Format(logTime))
}
