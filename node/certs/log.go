package certs

import (
	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapped has certmagic and acmez, which log by zap, log by ours: step by step at debug, what they warn of as a warning. That
// an order failed is told by this package, with what to do next; theirs is for who looks closer.
type zapped struct {
	zapcore.LevelEnabler
	log    zerolog.Logger
	fields []zapcore.Field
}

func newZap(log zerolog.Logger) *zap.Logger {
	return zap.New(zapped{LevelEnabler: zapcore.DebugLevel, log: log})
}

// level is ours for one of zap's.
func level(l zapcore.Level) zerolog.Level {
	if l == zapcore.WarnLevel {
		return zerolog.WarnLevel
	}
	return zerolog.DebugLevel
}

// With implements zapcore.Core.
func (z zapped) With(fields []zapcore.Field) zapcore.Core {
	z.fields = append(z.fields[:len(z.fields):len(z.fields)], fields...)
	return z
}

// Check implements zapcore.Core.
func (z zapped) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.log.GetLevel() > level(e.Level) {
		return to
	}
	return to.AddCore(e, z)
}

// Write implements zapcore.Core.
func (z zapped) Write(e zapcore.Entry, fields []zapcore.Field) error {
	all := zapcore.NewMapObjectEncoder()
	for _, f := range z.fields {
		f.AddTo(all)
	}
	for _, f := range fields {
		f.AddTo(all)
	}
	delete(all.Fields, "storage")
	line := z.log.WithLevel(level(e.Level)).Str("part", "acme")
	if len(all.Fields) > 0 {
		line = line.Interface("details", all.Fields)
	}
	line.Msg(short(e.Message))
	return nil
}

// Sync implements zapcore.Core.
func (zapped) Sync() error { return nil }
