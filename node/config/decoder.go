package config

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// decoder turns parsed files into a Config and remembers every mistake on the way: no step stops at one.
type decoder struct {
	context  *hcl.EvalContext
	files    map[string]*hcl.File // what was parsed, by name
	start    hcl.Range            // where the configuration begins: the place of what is missing altogether
	partial  bool                 // a file did not parse: what seems missing may stand in the part that was lost
	looked   prints               // what was looked at
	diags    hcl.Diagnostics
	unparsed int         // how many of the first of diags are the parser's
	hidden   []hcl.Range // secrets that stand in the files: never shown
	taken    []socket    // what this node would listen on
	meant    map[meaning]bool
}

// meaning is a name that was probably meant by one that is not known: it is not said to be missing besides.
type meaning struct {
	body *hclsyntax.Body
	name string
}

// fail remembers a mistake.
func (d *decoder) fail(m mistake, at hcl.Range, detail string, args ...any) {
	d.diags = append(d.diags, diagnostic(hcl.DiagError, m, at, fmt.Sprintf(detail, args...)))
}

// warn remembers what may be meant, but should be seen.
func (d *decoder) warn(m mistake, at hcl.Range, detail string, args ...any) {
	d.diags = append(d.diags, diagnostic(hcl.DiagWarning, m, at, fmt.Sprintf(detail, args...)))
}

// lack remembers a mistake of absence, unless the absence may come from a file that did not parse.
func (d *decoder) lack(m mistake, at hcl.Range, detail string, args ...any) {
	if !d.partial {
		d.fail(m, at, detail, args...)
	}
}

func diagnostic(s hcl.DiagnosticSeverity, m mistake, at hcl.Range, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: s, Summary: string(m), Detail: detail, Subject: &at}
}

// take adds the diagnostics of HCL and of package policy. They keep no values: those could be secrets.
func (d *decoder) take(diags hcl.Diagnostics) {
	for _, diag := range diags {
		own := *diag
		own.Expression, own.EvalContext = nil, nil
		if own.Subject == nil {
			own.Subject = &d.start
		}
		d.ofCall(&own)
		own.Extra = nil
		d.diags = append(d.diags, &own)
	}
}

// ofCall gives a diagnostic about a function call the words of this package.
func (d *decoder) ofCall(diag *hcl.Diagnostic) {
	if unknown, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](diag); ok {
		name := unknown.CalledFunctionNamespace() + unknown.CalledFunctionName()
		diag.Summary = string(unknownFunction)
		diag.Detail = fmt.Sprintf("There is no function %q.%s The functions are %s.",
			name, suggest(name, functionNames()), list(functionNames()))
		return
	}
	call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](diag)
	if !ok {
		return
	}
	var failed callError
	if errors.As(call.FunctionCallError(), &failed) {
		diag.Summary, diag.Detail = string(failed.mistake), failed.detail
		if diag.Context != nil {
			diag.Subject = diag.Context // the whole call
		}
	}
}
