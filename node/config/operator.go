package config

import "strings"

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
	if host, _, err := splitAddress(w.text); err == nil && !local(host) {
		a.warn(publicAdmin, w.at, "Whoever reaches it can end sessions. Listen on 127.0.0.1 or a unix socket, or keep others out by a firewall.")
	}
	return admin
}

func (b block) telemetry() Telemetry {
	t := b.child("telemetry")
	return Telemetry{
		LogLevel:  t.choice("log_level", "info", "debug", "warn", "error"),
		LogFormat: t.choice("log_format", "json", "console"),
		AccessLog: t.flag("access_log", true),
	}
}
