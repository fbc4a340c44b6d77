package authn

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"picket/policy"
)

// A step-up is a sign-in that a policy asks for although somebody is signed in: the session has to show more than it
// does. The requirement travels sealed with the errand. It is asked of the provider, and then of what the provider
// says: one that is not met ends in ErrTooWeak, and never in another redirect.

// proof is what a session, or a provider's answer, shows of how somebody signed in.
type proof struct {
	authenticated time.Time // zero: not said
	acr           string
	amr           []string
}

func (s *Session) proof() proof { return proof{s.Authenticated, s.ACR, s.AMR} }

func (v vouched) proof() proof { return proof{v.authenticated, v.acr, v.amr} }

// shows tells whether a requirement is met, as package policy does when it decides. What is not said is not shown.
func (p proof) shows(need *policy.Requirement, now time.Time) bool {
	if need == nil {
		return true
	}
	young := need.MaxAge == 0 || !p.authenticated.IsZero() && now.Sub(p.authenticated) <= need.MaxAge
	classed := len(need.ACR) == 0 || p.acr != "" && slices.Contains(need.ACR, p.acr)
	lacks := func(method string) bool { return !slices.Contains(p.amr, method) }
	return young && classed && !slices.ContainsFunc(need.AMR, lacks)
}

// askFor are the parameters of an authorization request that ask for a requirement (OpenID Connect Core 1.0, section
// 3.1.2.1). There is none for methods: they, and whatever the present sign-in did not show, are asked for by signing in
// anew.
func askFor(need *policy.Requirement, anew bool) []oauth2.AuthCodeOption {
	if need == nil {
		return nil
	}
	var options []oauth2.AuthCodeOption
	if len(need.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(need.ACR, " ")))
	}
	if need.MaxAge > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", seconds(need.MaxAge)))
	}
	if anew {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return options
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// settleTime is how long after a step-up another one is not begun by itself: two policies that cannot both be met would
// send a browser to and fro without end.
const settleTime = 15 * time.Second

// SteppedUp tells whether the session was made by a step-up not long ago.
func (c Caller) SteppedUp(now time.Time) bool {
	return c.Session != nil && c.Session.SteppedUp && now.Sub(c.Session.Begun) < settleTime
}

// Limits of what may be asked for from outside.
const (
	mostNeeded    = 16      // classes, and methods
	longestNeeded = 1 << 10 // bytes of each parameter
)

// NeedQuery is a requirement as parameters of our page to sign in, for programs that lead a person there: acr_values and
// max_age as RFC 9470 has them, and amr.
func NeedQuery(need *policy.Requirement) url.Values {
	q := url.Values{}
	if need == nil {
		return q
	}
	if len(need.ACR) > 0 {
		q.Set("acr_values", strings.Join(need.ACR, " "))
	}
	if need.MaxAge > 0 {
		q.Set("max_age", seconds(need.MaxAge))
	}
	if len(need.AMR) > 0 {
		q.Set("amr", strings.Join(need.AMR, " "))
	}
	return q
}

// NeedFrom is NeedQuery's opposite: nil when nothing is required. A visitor may require more of themselves than any policy
// does, but not less. ErrMalformed.
func NeedFrom(q url.Values) (*policy.Requirement, error) {
	need := &policy.Requirement{ACR: strings.Fields(q.Get("acr_values")), AMR: strings.Fields(q.Get("amr"))}
	if len(need.ACR) > mostNeeded || len(need.AMR) > mostNeeded || len(q.Get("acr_values"))+len(q.Get("amr")) > longestNeeded {
		return nil, fmt.Errorf("too much is required: %w", ErrMalformed)
	}
	if text := q.Get("max_age"); text != "" {
		age, err := strconv.ParseUint(text, 10, 31)
		if err != nil || age == 0 {
			return nil, fmt.Errorf("max_age %.32q: %w", text, ErrMalformed)
		}
		need.MaxAge = time.Duration(age) * time.Second
	}
	if need.MaxAge == 0 && len(need.ACR) == 0 && len(need.AMR) == 0 {
		return nil, nil
	}
	return need, nil
}

// Challenge is what a WWW-Authenticate field says of a requirement (RFC 9470, section 3). Nothing in it can end the
// quotes: classes are written by operators, and what is not plain is left out.
func Challenge(realm string, need *policy.Requirement) string {
	text := `Bearer realm="` + realm + `", error="insufficient_user_authentication", ` +
		`error_description="A sign-in that is more recent, or stronger, is required"`
	q := NeedQuery(need)
	for _, name := range []string{"acr_values", "max_age"} {
		if value := q.Get(name); value != "" && plain(value) {
			text += `, ` + name + `="` + value + `"`
		}
	}
	return text
}

// plain tells whether a text can stand in quotes in a header field.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}
