package config

import (
	"net/url"
	"strings"
	"time"
)

// health reads how a route's applications are asked how they are. Without the block nobody asks.
func (b block) health(to []string) Health {
	h := b.child("health")
	if h.absent {
		return Health{}
	}
	health := Health{
		Kind:      h.healthKind(b.forTCP()),
		Every:     h.duration("every", 5*time.Second, 100*time.Millisecond),
		Timeout:   h.duration("timeout", time.Second, 10*time.Millisecond),
		Healthy:   h.between("healthy", 2, 1, 100),
		Unhealthy: h.between("unhealthy", 3, 1, 100),
	}
	health.Path = h.healthPath()
	health.Service = h.text("grpc", "")
	health.Host = h.healthHost(health.Kind)
	if health.Kind == "grpc" {
		h.onlyHTTP2(to)
	}
	return health
}

// healthKind is how applications are asked: one way of three.
func (b block) healthKind(carriesTCP bool) string {
	var said []string
	kind := ""
	if b.has("path") {
		said, kind = append(said, "path"), "http"
	}
	if b.has("grpc") {
		said, kind = append(said, "grpc"), "grpc"
	}
	if b.flag("tcp", false) {
		said, kind = append(said, "tcp"), "tcp"
	}
	switch {
	case len(said) > 1:
		b.fail(notOneOf, b.place(said[1]), "health says %s. It can be one of them alone.", list(said))
	case carriesTCP && kind != "" && kind != "tcp":
		b.fail(notForTCP, b.place(said[0]), "%s is about HTTP, and this route carries bytes as they stand. Leave it out: then a connection is made.", said[0])
	case carriesTCP:
		return "tcp"
	case kind == "" && !b.wrong("tcp"):
		b.without("path", "what is asked for, such as \"/healthz\"; or write grpc = \"SERVICE\" or tcp = true")
	}
	return kind
}

// healthPath is the path, with a query, that is asked for.
func (b block) healthPath() string {
	w, ok := b.optional("path")
	if !ok {
		return ""
	}
	u, err := url.ParseRequestURI(w.text)
	if err != nil || !strings.HasPrefix(w.text, "/") || u.Host != "" || strings.Contains(w.text, "#") {
		b.fail(badURL, w.at, "%.60q is not a path such as \"/healthz\".", w.text)
		return ""
	}
	return u.RequestURI()
}

// healthHost is the Host that is asked for.
func (b block) healthHost(kind string) string {
	if !b.has("host") {
		return ""
	}
	w, ok := b.required("host", "the Host that is asked for")
	if !ok {
		return ""
	}
	if kind != "http" && kind != "" {
		b.warn(withoutEffect, w.at, "host is for a check by path. Leave it out.")
	}
	if !isHost(w.text) {
		b.fail(badURL, w.at, "%.60q is not the name of a host.", w.text)
		return ""
	}
	return w.text
}

// onlyHTTP2 reports applications that gRPC cannot be spoken to.
func (b block) onlyHTTP2(to []string) {
	for _, origin := range to {
		if strings.HasPrefix(origin, "http:") || strings.HasPrefix(origin, "unix:") {
			b.fail(notOneOf, b.place("grpc"), "gRPC is spoken over HTTP/2, and %s is HTTP/1.1. Write h2c:// or https:// in to.", origin)
			return
		}
	}
}

// outliers reads when an application is left alone. Without the block none is, but for a moment after it could not be reached.
func (b block) outliers(applications int) Outliers {
	if b.absent {
		return Outliers{}
	}
	o := Outliers{
		Errors:     b.between("errors", 5, 1, 1000),
		Window:     b.duration("window", 10*time.Second, 100*time.Millisecond),
		Eject:      b.duration("eject", 30*time.Second, time.Second),
		MaxEjected: b.percent("max_ejected", 50),
	}
	if o.MaxEjected*applications < 100 && applications > 0 && !b.wrong("max_ejected") {
		b.warn(withoutEffect, b.at, "%d%% of %s is less than one: none is ever left alone.", o.MaxEjected, plural(applications, "upstream"))
	}
	return o
}
