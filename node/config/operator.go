package config

import (
	"math"
	"strings"
	"time"
)

// The parts that operators see: the admin address, and what a node tells of itself.

func (b block) admin() Admin {
	a := b.child("admin")
	admin := Admin{Address: "127.0.0.1:9901", Pprof: a.flag("pprof", false)}
	w, ok := a.optional("address")
	if !ok {
		w.text = admin.Address
	}
	if path, unix := strings.CutPrefix(w.text, "unix:"); unix {
		if path == "" {
			a.fail(badAddress, w.at, "After unix: comes the path of a socket, such as \"unix:/run/picket/admin.sock\".")
		}
		admin.Address = w.text
		return admin
	}
	admin.Address = a.socket("admin", w)
	host, _, err := splitAddress(w.text)
	switch {
	case err != nil || local(host):
	case everywhere(host):
		a.fail(openAdmin, w.at, "Whoever reaches this machine could end sessions. Write 127.0.0.1, a unix socket, or the one address that operators use.")
	default:
		a.warn(publicAdmin, w.at, "Whoever reaches it can end sessions. Listen on 127.0.0.1 or a unix socket, or keep others out by a firewall.")
	}
	return admin
}

func (b block) telemetry(state Broker) Telemetry {
	t := b.child("telemetry")
	return Telemetry{
		LogLevel:  t.choice("log_level", "info", "debug", "warn", "error"),
		LogFormat: t.choice("log_format", "json", "console"),
		AccessLog: t.flag("access_log", true),

		DecisionLog: t.object("decision_log", "keep", "limit", "sample").decisionLog(state),
	}
}

// decisionLog reads how decisions are kept: in the room that the nodes have for what they share.
func (b block) decisionLog(state Broker) DecisionLog {
	limit := int64(1 << 30)
	if state.Limit > 0 {
		limit = min(limit, state.Limit/4)
	}
	l := DecisionLog{
		Keep:   b.duration("keep", 72*time.Hour, 0),
		Limit:  b.size("limit", limit, 1<<20, math.MaxInt64),
		Sample: b.share("sample", 1),
	}
	if l.Keep > 0 && l.Keep < time.Minute {
		b.fail(outOfRange, b.place("keep"), "keep is at least 1m, or \"0s\", which keeps nothing.")
	}
	if state.Limit > 0 && l.Limit > state.Limit/2 {
		b.fail(outOfRange, b.place("limit"), "The nodes have %s for all that they share, by limit of the broker. Leave sessions half of it at least.", sizeText(state.Limit))
	}
	return l
}
