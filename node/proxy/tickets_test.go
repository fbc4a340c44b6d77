package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"picket/broker"
	"picket/node/config"
)

// another opens a second door with the same configuration and these secrets: another node of the cluster.
func (w *world) another(now func() time.Time, secrets ...string) *world {
	w.t.Helper()
	var all [][]byte
	for _, s := range secrets {
		all = append(all, []byte(strings.Repeat(s, 32)))
	}
	keys, err := broker.NewKeyring(all)
	w.must(err)
	other := *w
	other.door, err = New(Options{Parts: w.parts(w.config), Node: "n2", Fresh: w.broker.Fresh, Drain: 2 * time.Second, Keys: keys, Now: now})
	w.must(err)
	w.must(other.door.Open(w.ctx))
	other.address = other.door.Addresses()[0]
	other.stop = other.running(other.door.Run)
	return &other
}

// visitor is a client that keeps its session tickets.
type visitor struct{ config *tls.Config }

func newVisitor(version uint16, name string, certificates ...tls.Certificate) *visitor {
	return &visitor{&tls.Config{
		ServerName: name, InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(8), Certificates: certificates,
	}}
}

// get asks one node for a page over a connection of its own.
func (v *visitor) get(w *world, host string) (status int, state tls.ConnectionState, err error) {
	w.t.Helper()
	conn := tls.Client(w.dial(), v.config)
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		return 0, state, err
	}
	if _, err = io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		return 0, state, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil) // takes the ticket of TLS 1.3 in, too
	if err != nil {
		return 0, state, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, conn.ConnectionState(), err
}

// resumes tells whether a visit to a node resumes an earlier one.
func (v *visitor) resumes(w *world) bool {
	w.t.Helper()
	status, state, err := v.get(w, v.config.ServerName)
	w.must(err)
	if status != http.StatusOK {
		w.t.Fatalf("got %d", status)
	}
	return state.DidResume
}

func TestATLSConnectionIsResumedOnAnyNodeOfTheCluster(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	one, two, stranger := w.another(nil, "s"), w.another(nil, "s"), w.another(nil, "x")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		v := newVisitor(version, "open.test")
		for i, c := range []struct {
			node *world
			want bool
		}{{one, false}, {two, true}, {one, true}, {stranger, false}, {one, false}, {two, true}} {
			if got := v.resumes(c.node); got != c.want {
				t.Errorf("TLS %x, visit %d: resumed: %v", version, i, got)
			}
		}
	}
}

func TestATicketOutlivesAChangeOfTheClusterSecret(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	before, added, moved, after := w.another(nil, "o"), w.another(nil, "o", "n"), w.another(nil, "n", "o"), w.another(nil, "n")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		v := newVisitor(version, "open.test")
		for i, c := range []struct {
			node *world
			want bool
		}{{before, false}, {added, true}, {before, true}, {moved, true}, {added, true}, {moved, true}, {after, true}, {before, false}} {
			if got := v.resumes(c.node); got != c.want {
				t.Errorf("TLS %x, step %d: resumed: %v", version, i, got)
			}
		}
	}
}

func TestATicketIsGoodForADayAndNoLonger(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	start := time.Now()
	at := func(later time.Duration) *world { return w.another(func() time.Time { return start.Add(later) }, "s") }
	made := at(0)
	for later, want := range map[time.Duration]bool{
		-ticketPeriod: true, // a node whose clock is behind
		ticketPeriod:  true, 2 * ticketPeriod: true, 3 * ticketPeriod: false, -2 * ticketPeriod: false,
	} {
		v := newVisitor(tls.VersionTLS13, "open.test")
		v.resumes(made)
		if got := v.resumes(at(later)); got != want {
			t.Errorf("%v later: resumed: %v", later, got)
		}
	}
}

// clock is a time that a test sets.
type clock struct{ now atomic.Int64 }

func (c *clock) read() time.Time     { return time.Unix(0, c.now.Load()) }
func (c *clock) add(d time.Duration) { c.now.Add(int64(d)) }

func TestTheKeyOfTicketsChangesWithoutARestart(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	at := &clock{}
	at.add(time.Duration(time.Now().UnixNano()))
	node := w.another(at.read, "s")
	v := newVisitor(tls.VersionTLS13, "open.test")
	v.resumes(node)
	at.add(2 * ticketPeriod)
	if !v.resumes(node) { // and has a ticket of the new key
		t.Error("after a day it is not resumed")
	}
	at.add(2 * ticketPeriod)
	if !v.resumes(node) {
		t.Error("the new ticket was made with the old key")
	}
	at.add(3 * ticketPeriod)
	if v.resumes(node) {
		t.Error("an old key is still accepted")
	}
}

func TestATicketOutlivesAReload(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	v := newVisitor(tls.VersionTLS13, "open.test")
	v.resumes(w)
	w.use(func(c *config.Config) { c.Listeners[0].Redirect = "" })
	if !v.resumes(w) {
		t.Error("it is not resumed")
	}
}
