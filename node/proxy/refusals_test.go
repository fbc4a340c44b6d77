package proxy

import (
	"net/http"
	"strings"
	"testing"

	"picket/node/authn"
	"picket/node/config"
)

func TestWhoCannotBeToldIsToldWhy(t *testing.T) {
	for doubt, want := range map[authn.Doubt]struct{ code, says string }{
		authn.StoreSilent:    {"unavailable", "Sessions cannot be looked up"},
		authn.ProviderSilent: {"provider_unavailable", "identity provider does not answer"},
	} {
		a := &ask{route: &route{Route: &config.Route{Name: "wiki"}}, caller: authn.Caller{Doubt: doubt}}
		f := undecided(a)
		if f.Status != http.StatusServiceUnavailable || f.Code != want.code || f.Route != "wiki" || f.RetryAfter <= 0 {
			t.Errorf("%d: got %+v", doubt, f)
		}
		if text := f.Title + " " + f.Detail; !strings.Contains(text, want.says) || !strings.Contains(text, "You are still signed in") {
			t.Errorf("%d: it says %q", doubt, text)
		}
	}
}
