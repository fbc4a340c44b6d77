package policy

// Cover collects which rules some test has reached. The zero Cover is ready.
type Cover struct {
	reached map[reach]bool
}

// reach is a rule by its names. A requirement is one whose effect is "require".
type reach struct{ policy, effect, rule string }

// Uncovered is a rule that no test has made true, nor has been decided by, as a deny rule decides that is unknown; or a
// requirement that no test has failed to meet.
type Uncovered struct {
	Policy string `json:"policy"`
	Effect string `json:"effect"` // "allow", "deny" or "require"
	Rule   string `json:"rule,omitempty"`
	Source Place  `json:"source"`
}

// Add counts what a test has reached.
func (c *Cover) Add(r Result) {
	if c.reached == nil {
		c.reached = make(map[reach]bool)
	}
	c.add(r.Explanation.Policy)
}

func (c *Cover) add(p *ExplainedPolicy) {
	if p == nil {
		return
	}
	for _, r := range p.Rules {
		if r.Outcome == True || r.Decided {
			c.reached[reach{p.Name, r.Effect, r.Name}] = true
		}
	}
	if p.Require != nil && !p.Require.Met {
		c.reached[reach{policy: p.Name, effect: "require"}] = true
	}
	for _, included := range p.Includes {
		c.add(included)
	}
}

// Missed are the rules and requirements of a set that no test has reached, in the order of the policies' names and of
// the source.
func (c *Cover) Missed(s *Set) []Uncovered {
	var missed []Uncovered
	for _, name := range s.Names() {
		parts := s.policies[name].parts
		if len(parts) == 0 {
			continue
		}
		for _, r := range parts[0].written() {
			if !c.reached[reach{name, r.source.effect, r.name}] {
				missed = append(missed, Uncovered{name, r.source.effect, r.name, placeOf(r.source.at)})
			}
		}
		if parts[0].need != nil && !c.reached[reach{policy: name, effect: "require"}] {
			missed = append(missed, Uncovered{name, "require", "", placeOf(parts[0].needAt)})
		}
	}
	return missed
}
