package policy

import (
	"time"

	"github.com/hashicorp/hcl/v2"
)

// require reads a require block.
func (l *loader) require(s *source, block *hcl.Block) {
	if s.part.need != nil {
		l.mistake(block.DefRange, twoRequirements, "A session shows what one require block asks, at %s already. Put them together.", s.part.needAt)
		return
	}
	s.part.need, s.part.needAt = new(Requirement), block.DefRange
	content, whole := l.content("a require block", block.Body, l.schemas[block.Type])
	if len(content.Attributes) == 0 && whole {
		l.mistake(block.DefRange, noRequirement, `Write what the session has to show: max_age = "1h", acr = ["phr"] or amr = ["mfa"].`)
	}
	if attr, ok := content.Attributes["max_age"]; ok {
		s.part.need.MaxAge = l.maxAge(attr)
	}
	if attr, ok := content.Attributes["acr"]; ok {
		s.part.need.ACR = l.constantList(attr)
	}
	if attr, ok := content.Attributes["amr"]; ok {
		s.part.need.AMR = l.constantList(attr)
	}
}

// maxAgeForm is how max_age is written.
const maxAgeForm = `A duration is written with its units, of h, m, s and ms: "1h30m". A day is "24h".`

// maxAge is a duration that leaves time to come back from signing in.
func (l *loader) maxAge(attr *hcl.Attribute) time.Duration {
	n := l.expression(native(attr.Expr))
	if n.kind == number {
		l.mistake(attr.Expr.Range(), badDuration, maxAgeForm)
		return 0
	}
	written, ok := l.constantTextOf(n, attr.Name)
	if !ok {
		return 0
	}
	age, err := time.ParseDuration(written)
	if err != nil {
		l.mistake(attr.Expr.Range(), badDuration, maxAgeForm)
		return 0
	}
	if age < time.Second {
		l.mistake(attr.Expr.Range(), badDuration, "Nobody is back from signing in before %s are over. Write at least a second, or rather minutes.", written)
	}
	return age
}

// constantList is the value of an attribute that is a list of texts, and not empty.
func (l *loader) constantList(attr *hcl.Attribute) []string {
	n, ok := l.want(l.expression(native(attr.Expr)), list, attr.Name)
	if !ok {
		return nil
	}
	if !n.constant {
		l.mistake(n.at, notConstant, "%s is the same for every request. Leave out what depends on one.", attr.Name)
		return nil
	}
	values := valueOf[[]string](n)
	if len(values) == 0 {
		l.mistake(n.at, noRequirement, "This asks for nothing. Leave %s out, or name what the session has to show.", attr.Name)
	}
	return values
}

// combineRequirements finds what each policy requires together with all that it includes. Cycles are cut before.
func (l *loader) combineRequirements() {
	for _, s := range l.order {
		l.combine(s)
	}
}

func (l *loader) combine(s *source) *Requirement {
	if s.combined {
		return s.need
	}
	s.combined, s.need = true, s.part.need
	for _, i := range s.includes {
		if i.to == nil {
			continue
		}
		both, ok := s.need.and(l.combine(i.to))
		if !ok {
			l.mistake(i.at, neverMet, "%s and %s require different classes (acr), and a session has one. Give them one in common.", s.part.name, i.name)
			continue
		}
		s.need = both
	}
	return s.need
}
