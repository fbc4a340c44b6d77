package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// What can be wrong with a policy: the summaries of all our diagnostics.
const (
	unknownName      = "Unknown name"
	unknownFunction  = "Unknown function"
	unknownPolicy    = "Unknown policy"
	wrongType        = "Wrong type"
	wrongCount       = "Wrong number of arguments"
	notConstant      = "Not a constant"
	noValue          = "No value"
	noNull           = "No null here"
	notLanguage      = "Not part of the language"
	notHere          = "Not here"
	tooDeep          = "Too many loops"
	unknownBlock     = "Unknown block"
	unknownAttribute = "Unknown attribute"
	badName          = "Bad name"
	badNetwork       = "Bad network"
	badPattern       = "Bad pattern"
	badExpression    = "Bad regular expression"
	badDuration      = "Bad duration"
	badDate          = "Bad date"
	badTime          = "Bad time of day"
	badDay           = "Bad day of the week"
	badZone          = "Bad time zone"
	badInclude       = "Bad include"
	badMode          = "Bad mode"
	shadowEnforced   = "Shadow would be enforced"
	noRequirement    = "Requirement of nothing"
	twoRequirements  = "Two requirements"
	neverMet         = "Requirement is never met"
	includeCycle     = "Policies include each other"
	duplicatePolicy  = "Two policies of one name"
	duplicateRule    = "Two rules of one name"
	duplicateTest    = "Two tests of one name"
	badTest          = "Test that cannot be run"
	badFact          = "Wrong fact"
	unknownRule      = "Unknown rule"
	noCondition      = "Rule without a condition"
	alwaysTrue       = "Rule is always true"
	neverTrue        = "Rule is never true"
	neverEqual       = "Never equal"
	neverAdmits      = "Policy never admits"
)

// problems collects diagnostics.
type problems struct{ diags hcl.Diagnostics }

// mistake reports what is wrong at a place; why says more, and what to write instead.
func (p *problems) mistake(at hcl.Range, what, why string, args ...any) {
	p.report(hcl.DiagError, at, what, why, args)
}

// doubt reports what is allowed, but hardly meant.
func (p *problems) doubt(at hcl.Range, what, why string, args ...any) {
	p.report(hcl.DiagWarning, at, what, why, args)
}

func (p *problems) report(severity hcl.DiagnosticSeverity, at hcl.Range, what, why string, args []any) {
	p.diags = append(p.diags, &hcl.Diagnostic{
		Severity: severity,
		Summary:  what,
		Detail:   fmt.Sprintf(why, args...),
		Subject:  at.Ptr(),
	})
}

// sorted is what was found, in the order of the source.
func (p *problems) sorted() hcl.Diagnostics {
	slices.SortStableFunc(p.diags, func(a, b *hcl.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
		)
	})
	return p.diags
}
