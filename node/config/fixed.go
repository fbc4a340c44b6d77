package config

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"
)

// Fixed are the problems of a reading for a node that runs by another configuration: what cannot change while it runs. Nil
// when there is no such change.
func (r Reading) Fixed(before *Config) *Problems {
	d := *r.top.decoder
	d.diags = nil
	top := r.top
	top.decoder = &d
	top.fixed(before, r.Config)
	return d.problems()
}

// fixed compares what a running node is built on.
func (b block) fixed(before, after *Config) {
	c := b.child("cluster")
	c.stays("name", before.Cluster.Name, after.Cluster.Name)
	c.stays("secrets", before.Cluster.Secrets, after.Cluster.Secrets)
	c.stays("max_staleness", before.Cluster.MaxStaleness, after.Cluster.MaxStaleness)
	c.child("broker").fixedBroker(before.Cluster.Broker, after.Cluster.Broker)
	a := b.child("admin")
	a.stays("address", before.Admin.Address, after.Admin.Address)
	a.stays("pprof", before.Admin.Pprof, after.Admin.Pprof)
	t := b.child("telemetry")
	t.stays("log_format", before.Telemetry.LogFormat, after.Telemetry.LogFormat)
	was, is := before.Telemetry.DecisionLog, after.Telemetry.DecisionLog
	if was.Keep != is.Keep || was.Limit != is.Limit {
		t.restart(t.place("decision_log"), "telemetry.decision_log: keep or limit")
	}
	b.fixedListeners(before.Listeners, after.Listeners)
}

func (b block) fixedBroker(before, after Broker) {
	if (len(before.URLs) == 0) != (len(after.URLs) == 0) {
		b.restart(b.at, "cluster.broker") // another kind: what else differs follows from that
		return
	}
	b.stays("node", before.Node, after.Node)
	b.stays("peers", before.Peers, after.Peers)
	b.stays("listen", before.Listen, after.Listen)
	b.stays("client", before.Client, after.Client)
	b.stays("store", before.Store, after.Store)
	b.stays("sync", before.Sync, after.Sync)
	b.stays("limit", before.Limit, after.Limit)
	b.stays("url", before.URLs, after.URLs)
	b.stays("credentials", before.Credentials, after.Credentials)
	b.stays("ca", before.CA, after.CA)
	b.stays("prefix", before.Prefix, after.Prefix)
	if len(after.URLs) > 0 { // else it follows from peers
		b.stays("replicas", before.Replicas, after.Replicas)
	}
}

// fixedListeners compares those that stay open: one whose address changes is closed, and another opened.
func (b block) fixedListeners(before, after []Listener) {
	was := map[string][]Listener{} // more than one with port 0, which is another port each time
	for _, l := range before {
		was[l.Address] = append(was[l.Address], l)
	}
	for i, written := range b.children("listen") {
		is := after[i]
		if len(was[is.Address]) == 0 {
			continue
		}
		old := was[is.Address][0]
		was[is.Address] = was[is.Address][1:]
		if old.TLS() != is.TLS() {
			written.restart(written.place("tls"), written.String()+": whether "+is.Address+" speaks TLS")
		}
		limits := written.child("limits")
		limits.stays("header_bytes", old.HeaderBytes, is.HeaderBytes)
		limits.stays("header_timeout", old.HeaderTimeout, is.HeaderTimeout)
		limits.stays("idle_timeout", old.IdleTimeout, is.IdleTimeout)
		limits.stays("headers", old.Headers, is.Headers)
		limits.stays("streams", old.Streams, is.Streams)
	}
}

// stays reports an attribute whose value is another.
func (b block) stays(name string, before, after any) {
	if !reflect.DeepEqual(before, after) {
		b.restart(b.place(name), b.path()+"."+name)
	}
}

// path is where a block stands, as people write it.
func (b block) path() string {
	switch b.kind {
	case "broker":
		return "cluster.broker"
	case "limits":
		return "listen.limits"
	}
	return b.kind
}

func (b block) restart(at hcl.Range, what string) {
	b.fail(takesRestart, at, "%s changed: that takes a restart of the node. Until then the configuration before stays in force, whole.", what)
}
