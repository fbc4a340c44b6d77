package policy

// Change is what becomes of one who asks when one decision takes the place of another. The zero Change is none.
type Change int8

// The changes of a decision.
const (
	Loses Change = iota - 1 // admitted before, or after signing in again, and now less so
	Same                    // the outcome is the same, whichever rule gave it
	Gains                   // refused before, or asked to sign in again, and now less so
)

// String is "loses", "same" or "gains".
func (c Change) String() string { return [...]string{"loses", "same", "gains"}[c-Loses] }

// MarshalText writes a Change as String does.
func (c Change) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Compare tells what changes for one who asks when after is decided in place of before. A refusal is less than being
// asked to sign in again, and that is less than being admitted.
func Compare(before, after Decision) Change {
	switch was, is := before.Outcome.access(), after.Outcome.access(); {
	case is < was:
		return Loses
	case is > was:
		return Gains
	}
	return Same
}

// access is how far an outcome lets one in.
func (o Outcome) access() int {
	switch o {
	case Allow:
		return 2
	case StepUp:
		return 1
	}
	return 0
}
