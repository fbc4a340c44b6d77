package proxy

import (
	"slices"
	"testing"

	"picket/node/config"
)

func TestWhatIsNoNameIsNotAnnounced(t *testing.T) {
	x := &exchange{ask: &ask{announced: []string{"X-Sum", "no name", "X(1)"}, rules: &Rules{scrub: testScrubber()}, route: &route{Route: &config.Route{}}}}
	if got := x.trailers(); !slices.Equal(got, []string{"X-Sum"}) {
		t.Errorf("%q: net/http refuses them all, and the application is blamed", got)
	}
}
