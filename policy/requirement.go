package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Requirement is what a session has to show beside what the rules ask. What a session does not say it does not show.
type Requirement struct {
	// MaxAge is how long ago the user may have been authenticated at most, as max_age of OpenID Connect Core 1.0,
	// section 3.1.2.1. Zero: however long.
	MaxAge time.Duration
	// ACR are classes of which the session shows one: a session has one acr, and acr_values of the same section are
	// alternatives. Nil: any.
	ACR []string
	// AMR are methods of which the session shows every one: its amr is the list of those that were used together
	// (section 2, and RFC 8176). Nil: any.
	AMR []string
}

// met tells whether the session of an input shows what is required. Nothing required is met.
func (r *Requirement) met(in *Input) bool {
	return r == nil || r.young(in) && r.classed(in) && hasAll(in.Session.AMR, r.AMR)
}

func (r *Requirement) young(in *Input) bool {
	since := in.Session.Authenticated
	return r.MaxAge == 0 || !since.IsZero() && !in.Now.IsZero() && in.Now.Sub(since) <= r.MaxAge
}

func (r *Requirement) classed(in *Input) bool {
	return len(r.ACR) == 0 || in.Session.ACR != "" && contains(r.ACR, in.Session.ACR)
}

// and is what both require, in the order of the first; ok is false when no class satisfies both.
func (r *Requirement) and(other *Requirement) (both *Requirement, ok bool) {
	if r == nil || other == nil {
		return cmp.Or(r, other), true
	}
	both = &Requirement{MaxAge: shorter(r.MaxAge, other.MaxAge), ACR: r.ACR, AMR: slices.Clone(r.AMR)}
	for _, method := range other.AMR {
		if !contains(both.AMR, method) {
			both.AMR = append(both.AMR, method)
		}
	}
	if len(r.ACR) == 0 || len(other.ACR) == 0 {
		both.ACR = append(slices.Clone(r.ACR), other.ACR...)
		return both, true
	}
	both.ACR = slices.DeleteFunc(slices.Clone(r.ACR), func(class string) bool { return !contains(other.ACR, class) })
	return both, len(both.ACR) > 0
}

// shorter is the shorter of two durations, of which zero is without end.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// requirement is a Requirement as it is written down.
type requirement struct {
	MaxAge string   `json:"max_age,omitempty"`
	ACR    []string `json:"acr,omitempty"`
	AMR    []string `json:"amr,omitempty"`
}

// MarshalJSON writes a Requirement as a require block has it: max_age is "1h0m0s".
func (r *Requirement) MarshalJSON() ([]byte, error) {
	written := requirement{ACR: r.ACR, AMR: r.AMR}
	if r.MaxAge != 0 {
		written.MaxAge = r.MaxAge.String()
	}
	return json.Marshal(written)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Requirement) UnmarshalJSON(data []byte) error {
	var written requirement
	if err := json.Unmarshal(data, &written); err != nil {
		return fmt.Errorf("reading requirement: %w", err)
	}
	*r = Requirement{ACR: written.ACR, AMR: written.AMR}
	if written.MaxAge == "" {
		return nil
	}
	age, err := time.ParseDuration(written.MaxAge)
	r.MaxAge = age
	return err
}

// String says what is required: max_age 1h0m0s, acr phr or phrh, amr mfa and hwk.
func (r *Requirement) String() string {
	var parts []string
	if r.MaxAge != 0 {
		parts = append(parts, "max_age "+r.MaxAge.String())
	}
	if len(r.ACR) > 0 {
		parts = append(parts, "acr "+strings.Join(r.ACR, " or "))
	}
	if len(r.AMR) > 0 {
		parts = append(parts, "amr "+strings.Join(r.AMR, " and "))
	}
	return strings.Join(parts, ", ")
}
