package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Problems are all mistakes and warnings of a configuration, in the order of the files. A nil *Problems is none.
type Problems struct {
	diags  hcl.Diagnostics
	files  map[string]*hcl.File
	hidden []hcl.Range // secrets: never shown
}

// problems is what was remembered, sorted; nil when that is nothing.
func (d *decoder) problems() *Problems {
	if len(d.diags) == 0 {
		return nil
	}
	d.diags = append(d.diags[:d.unparsed:d.unparsed], beside(d.diags[:d.unparsed], d.diags[d.unparsed:])...)
	slices.SortStableFunc(d.diags, func(a, b *hcl.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			cmp.Compare(a.Summary, b.Summary),
			cmp.Compare(a.Detail, b.Detail),
		)
	})
	return &Problems{diags: d.diags, files: d.files, hidden: d.hidden}
}

// beside are those of what was found that are on other lines than what the parser could not read: what it made of such a line is
// not what was meant.
func beside(unparsed, found hcl.Diagnostics) hcl.Diagnostics {
	type line struct {
		file string
		at   int
	}
	lost := map[line]bool{}
	for _, d := range unparsed {
		lost[line{d.Subject.Filename, d.Subject.Start.Line}] = d.Severity == hcl.DiagError
	}
	return slices.DeleteFunc(slices.Clone(found), func(d *hcl.Diagnostic) bool { return lost[line{d.Subject.Filename, d.Subject.Start.Line}] })
}

// Failed tells whether the configuration cannot be run: there is more than warnings.
func (p *Problems) Failed() bool { return p != nil && p.diags.HasErrors() }

// Summary counts: "3 errors, 1 warning"; "" when there is nothing.
func (p *Problems) Summary() string {
	if p == nil {
		return ""
	}
	errors, warnings := 0, 0
	for _, d := range p.diags {
		if d.Severity == hcl.DiagError {
			errors++
		} else {
			warnings++
		}
	}
	var parts []string
	if errors > 0 {
		parts = append(parts, plural(errors, "error"))
	}
	if warnings > 0 {
		parts = append(parts, plural(warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Error is everything on one line each, for logs: FILE:LINE:COLUMN: severity: summary: detail.
func (p *Problems) Error() string {
	if p == nil {
		return ""
	}
	lines := make([]string, len(p.diags))
	for i, d := range p.diags {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s: %s: %s",
			d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column, severity(d), d.Summary, d.Detail)
	}
	return strings.Join(lines, "\n")
}

// Write tells a person: each problem with its place, the line with a caret below, and what to do; then the count.
// Details are folded at width columns; 0 folds nothing.
func (p *Problems) Write(w io.Writer, colour bool, width int) error {
	if p == nil {
		return nil
	}
	s := snippets{colour: colour, width: width, files: p.files, hidden: p.hidden}
	var b strings.Builder
	for _, d := range p.diags {
		s.problem(&b, d)
	}
	b.WriteString(p.Summary() + "\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing problems: %w", err)
	}
	return nil
}

// JSON is an array of the problems, for programs: severity, summary, detail, file, and the range with columns that
// count characters from 1.
func (p *Problems) JSON() ([]byte, error) {
	type problem struct {
		Severity  string `json:"severity"`
		Summary   string `json:"summary"`
		Detail    string `json:"detail"`
		File      string `json:"file"`
		Line      int    `json:"line"`
		Column    int    `json:"column"`
		EndLine   int    `json:"end_line"`
		EndColumn int    `json:"end_column"`
	}
	all := []problem{}
	if p != nil {
		for _, d := range p.diags {
			at := d.Subject
			all = append(all, problem{severity(d), d.Summary, d.Detail, at.Filename,
				at.Start.Line, at.Start.Column, at.End.Line, at.End.Column})
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding problems: %w", err)
	}
	return text, nil
}

func severity(d *hcl.Diagnostic) string {
	if d.Severity == hcl.DiagWarning {
		return "warning"
	}
	return "error"
}
