package policy

// Outcome is what was decided. The zero Outcome denies.
type Outcome uint8

// The outcomes of a decision.
const (
	Deny  Outcome = iota // refused, and the default of everything
	Allow                // at least one allow rule is true, and no deny rule is
)

// String is "deny" or "allow".
func (o Outcome) String() string {
	if o == Allow {
		return "allow"
	}
	return "deny"
}

// Decision is the answer of a policy for one Input, and which rule gave it. The zero Decision denies.
type Decision struct {
	Outcome Outcome
	Policy  string // name of the policy whose rule decided
	Rule    string // name of the rule that decided; "": no rule admitted
	Message string // what the rule's author wants the visitor told; often ""
}

// Allowed tells whether the request may pass.
func (d Decision) Allowed() bool { return d.Outcome == Allow }
