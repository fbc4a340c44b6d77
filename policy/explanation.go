package policy

import "fmt"

// Explanation is a decision, and all that led to it. It is plain data, and may be kept.
type Explanation struct {
	Decision Decision         `json:"decision"`
	Policy   *ExplainedPolicy `json:"policy,omitempty"` // nil: there is no such policy, or the set has mistakes
}

// ExplainedPolicy is one policy for one Input.
type ExplainedPolicy struct {
	Name     string                `json:"name"`
	Shadow   bool                  `json:"shadow,omitempty"`
	Decided  bool                  `json:"decided,omitempty"` // it is why the request is refused: none of its allow rules is true
	Source   Place                 `json:"source"`
	Rules    []ExplainedRule       `json:"rules,omitempty"` // in the order of the source
	Require  *ExplainedRequirement `json:"require,omitempty"`
	Includes []*ExplainedPolicy    `json:"includes,omitempty"`
	Again    bool                  `json:"again,omitempty"` // it stands in the tree before, with all that it says
}

// ExplainedRule is an allow or deny rule.
type ExplainedRule struct {
	Effect    string             `json:"effect"` // "allow" or "deny"
	Name      string             `json:"name"`
	Message   string             `json:"message,omitempty"`
	Outcome   Truth              `json:"outcome"`
	Decided   bool               `json:"decided,omitempty"` // it is the rule that the decision names
	Source    Place              `json:"source"`
	Condition ExplainedCondition `json:"condition"`
}

// ExplainedRequirement is what a policy requires of the session.
type ExplainedRequirement struct {
	Requirement *Requirement `json:"requirement"`
	Met         bool         `json:"met"`
	Decided     bool         `json:"decided,omitempty"` // it is why the user has to sign in again
	Source      Place        `json:"source"`
}

// ExplainedCondition is an expression with its value, and all of which it is made.
type ExplainedCondition struct {
	Text   string               `json:"text,omitempty"` // as it was written; "": the source is not known
	Source Place                `json:"source"`
	Type   string               `json:"type"`            // as diagnostics call it: "a text", "true or false"
	Value  string               `json:"value,omitempty"` // as JSON; a duration as 1h0m0s. "" when it is unknown or hidden
	Known  bool                 `json:"known"`
	Why    string               `json:"why,omitempty"`    // of what is unknown: "missing", or "unclear" when it can be read in two ways; or why it is no condition
	Hidden bool                 `json:"hidden,omitempty"` // the value may be a secret
	Plain  bool                 `json:"plain,omitempty"`  // it is the same for every request
	Parts  []ExplainedCondition `json:"parts,omitempty"`
}

// Place is where something was written: lines and columns from 1.
type Place struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

// String is FILE:LINE.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Truth is the value of a condition. The zero Truth is unknown.
type Truth uint8

// The values of a condition.
const (
	Unknown Truth = iota // it asks for something that is missing, or unclear
	False
	True
)

// String is "unknown", "false" or "true".
func (t Truth) String() string { return [...]string{"unknown", "false", "true"}[t] }

// MarshalText writes a Truth as String does.
func (t Truth) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
