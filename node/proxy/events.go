package proxy

import (
	"errors"
	"net/http"
	"strings"

	"picket/node/proxy/http1"
)

// A page that listens to events (EventSource, HTML standard, section 9.2) does so for as long as it is open, asks again by itself when
// the stream ends, and says what it has heard last. So a door that closes need not wait for streams on which nothing comes: these end
// early, as tunnels do, and their pages go on at another node. It ends them well, for no stream of events is ever whole, and an event of
// which only half came does not count. Whoever asks for events otherwise, such as a program that posts a question and has its answer
// in pieces, awaits an end, and has all of the time that there is; and so has a call of gRPC, which nobody makes again by itself.

// events is the media type of a stream of events.
const events = "text/event-stream"

// listens tells whether a page asked to listen to events: this is how EventSource asks.
func (a *ask) listens() bool {
	if a.r.Method != http.MethodGet {
		return false
	}
	accept, _ := a.r.Fields.Get("Accept")
	return strings.EqualFold(accept, events)
}

// endEvents ends a stream of events that a door that closes has cut. It tells whether it did.
func (x *exchange) endEvents(answer *http1.Answer) bool {
	if !errors.Is(x.r.Life.Cause(), errGoingAway) || !x.listens() || answer.Length >= 0 {
		return false
	}
	contentType, _ := answer.Fields.Get("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), events) && x.w.Finish(nil) == nil
}
