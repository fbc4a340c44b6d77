package console

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"picket/broker"
	"picket/node/authn"
)

func TestASessionThatTheProviderDoesNotConfirmIsNoFailureOfTheStore(t *testing.T) {
	store, provider := unknown(authn.StoreSilent), unknown(authn.ProviderSilent)
	if store.Code != "unavailable" || provider.Code != "provider_unavailable" || provider.Status != 503 || provider.RetryAfter <= 0 {
		t.Errorf("got %+v and %+v", store, provider)
	}
	if strings.Contains(provider.Detail, "store") || !strings.Contains(provider.Detail, "You have not been signed out") {
		t.Errorf("it says %q", provider.Detail)
	}
}

func TestEveryProblemHasItsRefusal(t *testing.T) {
	for err, want := range map[error]string{
		authn.ErrMalformed:         "400 malformed",
		authn.ErrExpired:           "400 sign_in_expired",
		authn.ErrReplayed:          "400 sign_in_used",
		authn.ErrOtherBrowser:      "400 other_browser",
		authn.ErrProvider:          "502 provider_unavailable",
		authn.ErrAnswer:            "502 sign_in_failed",
		authn.ErrClocks:            "502 sign_in_failed",
		authn.ErrRefusedByProvider: "403 provider_refused",
		authn.ErrTooWeak:           "403 step_up_failed",
		authn.ErrInactive:          "403 inactive",
		broker.ErrUnavailable:      "503 unavailable",
		errors.New("surprise"):     "500 internal",
	} {
		f, _ := problem(fmt.Errorf("the inside reason: %w", err))
		if got := fmt.Sprint(f.Status, " ", f.Code); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
		if f.Title == "" || f.Detail == "" || f.Next == "" {
			t.Errorf("%v leaves something unsaid: %+v", err, f)
		}
		if strings.Contains(fmt.Sprint(f), "inside reason") {
			t.Errorf("%v shows the visitor the inside reason", err)
		}
		if away := f.Status >= 502; away != (f.RetryAfter > 0) {
			t.Errorf("%v: Retry-After %s", err, f.RetryAfter)
		}
	}
}
