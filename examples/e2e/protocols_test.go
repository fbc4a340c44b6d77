//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// nextHop is what a page came by, as the browser tells it (RFC 7301's names).
const nextHop = `performance.getEntriesByType("navigation")[0].nextHopProtocol`

// cameBy is what the page that is shown came by.
func (b *browser) cameBy(t *testing.T) string {
	t.Helper()
	protocol, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](nextHop))
	if err != nil {
		t.Fatal(err)
	}
	return protocol
}

// does runs a script that gives nothing.
func (b *browser) does(t *testing.T, script string) {
	t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script+"; true")); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// hears waits until what the page keeps of what it hears is right.
func (b *browser) hears(t *testing.T, where string, right func(heard []string) bool) []string {
	t.Helper()
	var heard []string
	eventually(t, patience, func() (problem string) {
		var err error
		if heard, err = chromedp.Run(b.ctx, chromedp.Evaluate[[]string]("window."+where)); err != nil {
			return err.Error()
		}
		if !right(heard) {
			return fmt.Sprintf("the page has heard %d things, the last of them %q", len(heard), heard[max(0, len(heard)-3):])
		}
		return ""
	})
	return heard
}

// Scripts that keep what they hear.
const (
	openSocket = `window.heard = []; window.socket = new WebSocket("wss://" + location.host + "/ws");
		socket.onopen = () => heard.push("open"); socket.onmessage = m => heard.push(m.data);
		socket.onclose = e => heard.push("closed " + e.code + " " + e.reason)`
	openEvents = `window.told = []; window.events = new EventSource("/events");
		events.onopen = () => told.push("open"); events.onmessage = m => told.push(m.data); events.onerror = () => told.push("error")`
)

// ticking tells whether it was opened, and something came.
func ticking(heard []string) bool { return len(heard) > 3 && heard[0] == "open" && heard[3] == "tick" }

// isOver tells whether the last that was heard begins so.
func isOver(with string) func([]string) bool {
	return func(heard []string) bool { return len(heard) > 0 && strings.HasPrefix(heard[len(heard)-1], with) }
}

func cameIn(protocol string, status int) func(accessLine) bool {
	return func(l accessLine) bool {
		return l.Protocol == protocol && l.Status == status && l.Email == "alice@example.com"
	}
}

// learning has Chromium speak QUIC with the hosts of the site once it has heard of it. Over QUIC it takes no certificate of an authority
// that is not known to all, unless it is told to speak QUIC with that host: so it is told to, at a port where nobody is.
func (s *site) learning() chromedp.ExecAllocatorOption {
	return chromedp.Flag("origin-to-force-quic-on", s.host("app")+":1,"+s.host("auth")+":1")
}

// forced has it speak QUIC at once.
func (s *site) forced() chromedp.ExecAllocatorOption {
	return chromedp.Flag("origin-to-force-quic-on", s.authority("app")+","+s.authority("auth"))
}

// socketsOverHTTP3 has it open WebSockets there too (RFC 9220). Chromium 156 knows how to, but opens a connection of TCP by default.
func socketsOverHTTP3() chromedp.ExecAllocatorOption {
	return chromedp.Flag("enable-features", "EnableWebsocketsOverHttp3")
}

func TestChromiumLearnsOfHTTP3AndSpeaksIt(t *testing.T) {
	s := startSite(t)
	b := s.browse(t, s.learning())
	b.open(t, s.url("app")+"/first")
	s.tellsOf(t, "app", "/first", func(l accessLine) bool { return l.Protocol == "HTTP/2" && l.Status == 302 }) // it knew nothing
	b.pick(t, "alice")
	b.arrivesAt(t, s.url("app")+"/first", "here")
	eventually(t, patience, func() string {
		b.open(t, s.url("app")+"/again")
		if got := b.cameBy(t); got != "h3" {
			return "a page came by " + got
		}
		return ""
	})
	s.tellsOf(t, "app", "/again", cameIn("HTTP/3", 200))
}

func TestChromiumDoesEverythingOverHTTP3(t *testing.T) {
	s := startSite(t)
	b := s.browse(t, s.forced(), socketsOverHTTP3())
	b.open(t, s.url("app")+"/first")
	b.pick(t, "alice")
	b.arrivesAt(t, s.url("app")+"/first", "here")
	if got := b.cameBy(t); got != "h3" {
		t.Errorf("the page came by %q", got)
	}
	s.tellsOf(t, "app", "/first", cameIn("HTTP/3", 200))
	for _, l := range slices.Concat(s.served(t, "app", "/.picket/callback"), s.served(t, "auth", "/.picket/callback")) {
		if l.Protocol != "HTTP/3" {
			t.Errorf("the sign-in went another way: %s", l)
		}
	}
	b.does(t, `window.heard = []; fetch("/echo", {method: "POST", body: "x".repeat(300000)}).then(r => r.text()).then(s => heard.push("echo " + s.length))`)
	b.hears(t, "heard", isOver("echo 300000"))
	s.tellsOf(t, "app", "/echo", cameIn("HTTP/3", 200))

	s.holdsAndIsCutOff(t, b, "HTTP/3")
}

// holdsAndIsCutOff opens a WebSocket and events in the page that is shown, and revokes the sessions of its reader.
func (s *site) holdsAndIsCutOff(t *testing.T, b *browser, protocol string) {
	t.Helper()
	b.does(t, openSocket)
	b.hears(t, "heard", ticking)
	b.does(t, "socket.close()")
	b.hears(t, "heard", isOver("closed"))
	s.tellsOf(t, "app", "/ws", cameIn(protocol, 200)) // and not 101: an extended CONNECT

	b.does(t, openSocket)
	b.does(t, openEvents)
	b.hears(t, "heard", ticking)
	b.hears(t, "told", ticking)
	s.nodes[0].picket(t, "sessions", "revoke", "--user", "alice@example.com")
	b.hears(t, "heard", isOver("closed 1008"))
	b.hears(t, "told", isOver("error"))
	cut := func(l accessLine) bool { return cameIn(protocol, 200)(l) && l.Ended == "the session is over" }
	s.tellsOf(t, "app", "/ws", cut)
	s.tellsOf(t, "app", "/events", cut)
}

func TestChromiumDoesEverythingOverHTTP2(t *testing.T) {
	s := startSite(t)
	b := s.browse(t, chromedp.Flag("disable-quic", true))
	b.open(t, s.url("app")+"/first")
	b.pick(t, "alice")
	b.arrivesAt(t, s.url("app")+"/first", "here")
	if got := b.cameBy(t); got != "h2" {
		t.Errorf("the page came by %q", got)
	}
	s.holdsAndIsCutOff(t, b, "HTTP/2")
}
