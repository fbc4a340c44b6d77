package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The report that continuous integration servers read: JUnit's, as they all understand it.
type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
		Out      *junitText  `xml:"system-out,omitempty"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"` // lines
	}
	junitText struct {
		Text string `xml:",cdata"` // lines
	}
)

// junit writes the report of the tests of the configuration at path.
func (r *testReport) junit(w io.Writer, path string) error {
	suite := junitSuite{Name: path, Tests: len(r.Tests), Failures: r.Failed}
	for i := range r.Tests {
		suite.Cases = append(suite.Cases, r.Tests[i].junit())
	}
	if r.Uncovered != nil && len(*r.Uncovered) > 0 {
		var b strings.Builder
		b.WriteString("\nNo test reaches:\n")
		for _, u := range *r.Uncovered {
			fmt.Fprintf(&b, "%s: %s of %s\n", u.Source, ruleOf(u), u.Policy)
		}
		suite.Out = &junitText{lines(b.String())}
	}
	text, err := xml.MarshalIndent(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Suite: suite}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding JUnit XML: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func (f *testResult) junit() junitCase {
	out := junitCase{Name: f.Name, Class: f.Of, File: f.Source.File, Line: f.Source.Line}
	if !f.Passed {
		out.Failure = &junitFailure{Message: f.String(), Type: "decision", Text: lines(fmt.Sprintf("%s\n\n%s", f.Source, f.explanation(false)))}
	}
	return out
}

// lines is a text of which only the ends of lines are no printable characters: a section of XML that is not escaped can
// hold no others.
func lines(s string) string {
	parts := strings.Split(s, "\n")
	for i, part := range parts {
		parts[i] = printable(part)
	}
	return strings.Join(parts, "\n")
}
