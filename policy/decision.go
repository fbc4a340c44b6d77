package policy

import "fmt"

// Outcome is what was decided. The zero Outcome denies.
type Outcome uint8

// The outcomes of a decision.
const (
	Deny   Outcome = iota // refused, and the default of everything
	Allow                 // at least one allow rule is true, no deny rule is, and the session shows what is required
	StepUp                // the rules admit, but the session does not show what is required: not allowed, sign in again
)

// String is "deny", "allow" or "step_up".
func (o Outcome) String() string {
	switch o {
	case Allow:
		return "allow"
	case StepUp:
		return "step_up"
	}
	return "deny"
}

// MarshalText writes an Outcome as String does.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what String writes.
func (o *Outcome) UnmarshalText(written []byte) error {
	for _, known := range []Outcome{Deny, Allow, StepUp} {
		if known.String() == string(written) {
			*o = known
			return nil
		}
	}
	return fmt.Errorf("%q is no outcome: it is allow, deny or step_up", written)
}

// Decision is the answer of a policy for one Input, and which rule gave it. The zero Decision denies.
type Decision struct {
	Outcome Outcome      `json:"outcome"`
	Policy  string       `json:"policy"`            // name of the policy whose rule, or requirement, decided
	Rule    string       `json:"rule,omitempty"`    // name of the rule that decided; "": no rule admitted, or a requirement decided
	Message string       `json:"message,omitempty"` // what the rule's author wants the visitor told; often ""
	Need    *Requirement `json:"need,omitempty"`    // what the session has to show, all together; nil unless StepUp. Shared: read only
}

// Allowed tells whether the request may pass.
func (d Decision) Allowed() bool { return d.Outcome == Allow }

// String says in a few words what was decided, and what decided it: deny by "from away" of production.
func (d Decision) String() string {
	switch {
	case d.Rule != "" && d.Policy == "":
		return fmt.Sprintf("%s by %q", d.Outcome, d.Rule)
	case d.Rule != "":
		return fmt.Sprintf("%s by %q of %s", d.Outcome, d.Rule, d.Policy)
	case d.Outcome == StepUp:
		return fmt.Sprintf("%s by what %s requires", d.Outcome, d.Policy)
	case d.Policy == "":
		return d.Outcome.String()
	}
	return fmt.Sprintf("%s, as no rule of %s admits", d.Outcome, d.Policy)
}
