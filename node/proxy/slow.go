package proxy

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"picket/node/proxy/http1"
)

// A client that sends a byte now and then is never idle, and would hold a request, and the connection to the application, for
// as long as it likes. So a body has to come at the listener's body_rate on the average, after a grace. Only the time counts for
// which the client is waited for: an application that takes its time does not make its client slow. A client of gRPC may have
// nothing to say for hours, and so may one whose answer has begun: these are streams, and have the idle time of their route.
//
// The other way round nothing is needed: each piece of an answer, of 32 to 128 KiB, has to be taken within the idle times.

const (
	// bodyGrace is how long a body is waited for before its rate counts, unless Options say otherwise: a person who types, or a
	// program that has little to say for a while, is no attack.
	bodyGrace = time.Minute
	// pageGrace is how long a request for a page of our own may take to send its body, a form, in all.
	pageGrace = 30 * time.Second
)

var errSlowBody = errors.New("the request's body comes too slowly")

// bodyPace is how fast the body of one request comes.
type bodyPace struct {
	count   atomic.Int64  // bytes that came
	waiting atomic.Bool   // the client is waited for
	over    atomic.Bool   // it counts no more: the answer has begun
	waited  time.Duration // for the client, as it was found each time; of the sweep alone
}

// look is done once in a while, every so often; it tells whether the body comes too slowly.
func (p *bodyPace) look(every, grace time.Duration, rate int64) bool {
	if rate == 0 || p.over.Load() || !p.waiting.Load() {
		return false
	}
	p.waited += every
	return p.waited > grace && float64(p.count.Load()) < float64(rate)*p.waited.Seconds()
}

// endSlow ends those whose body comes too slowly.
func (d *Door) endSlow(all []*stream) {
	for _, s := range all {
		p := s.pace.Load()
		if p == nil || s.ask.through == nil {
			continue
		}
		if f := s.ask.through.inForce(); f != nil && p.look(sweepEvery, d.bodyGrace, f.BodyRate) {
			s.end(errSlowBody)
		}
	}
}

// bodyWithin bounds how long all of a body may take to come.
func (a *ask) bodyWithin(most time.Duration) {
	if c, ok := a.w.Client.(*netClient); ok {
		_ = c.control.SetReadDeadline(time.Now().Add(most)) // a stream that is gone is read no more
		return
	}
	if b, ok := a.r.Body.(interface{ Within(time.Duration) }); ok {
		b.Within(most)
	}
}

// paced tells whether a request's body has to come at a rate.
func paced(r *http1.Request) bool {
	contentType, _ := r.Fields.Get("Content-Type")
	return !strings.HasPrefix(strings.ToLower(contentType), "application/grpc")
}
