package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"picket/node/config"
	"picket/policy"
)

func (t terminal) testCommand() *cobra.Command {
	var cover bool
	c := &cobra.Command{
		Use:   "test PATH [--cover] [-o table|json|junit]",
		Short: "Run the test blocks of a configuration",
		Long: `Decides each test block of a configuration as a node would, and shows of each that fails
where it stands, what it wants, and why it is not so. Fails when a test fails.

With --cover it shows too which rules no test makes true, and which requirements no test
fails to meet. That alone is no failure.`,
		Example: `  picket policy test cluster.hcl
  picket policy test /etc/picket/ --cover
  picket policy test cluster.hcl -o junit > report.xml`,
		Args:              args("PATH"),
		ValidArgsFunction: oneFile,
		Annotations:       map[string]string{moreFormats: "junit"},
		RunE:              func(c *cobra.Command, args []string) error { return t.test(c, args[0], cover) },
	}
	c.Flags().BoolVar(&cover, "cover", false, "show the rules that no test reaches")
	return c
}

func (t terminal) test(c *cobra.Command, path string, cover bool) error {
	conf, err := t.loadRules(path)
	if err != nil {
		return err
	}
	r := runTests(conf, cover)
	switch outputFormat(c) {
	case "json":
		err = printJSON(t.out, r)
	case "junit":
		err = r.junit(t.out, path)
	default:
		err = r.write(t.out, t.colour)
	}
	if err == nil && r.Failed > 0 {
		return errTold
	}
	return err
}

// testReport is what came of all tests, as -o json prints it.
type testReport struct {
	Passed    int                 `json:"passed"`
	Failed    int                 `json:"failed"`
	Tests     []testResult        `json:"tests"`
	Uncovered *[]policy.Uncovered `json:"uncovered,omitempty"` // nil: nobody asked
}

// testResult is what came of a test.
type testResult struct {
	policy.Result
	Of string `json:"policy"`
}

func runTests(conf *config.Config, cover bool) *testReport {
	r := &testReport{Tests: []testResult{}}
	var covered policy.Cover
	for _, test := range conf.Tests {
		result := test.Run(conf.Policies)
		covered.Add(result)
		r.Tests = append(r.Tests, testResult{result, test.Policy})
		if result.Passed {
			r.Passed++
		} else {
			r.Failed++
		}
	}
	if cover {
		missed := append([]policy.Uncovered{}, covered.Missed(conf.Policies)...)
		r.Uncovered = &missed
	}
	return r
}

// write tells a person: the failures with their explanations, what no test reaches, and the count.
func (r *testReport) write(w io.Writer, colour bool) error {
	p := &pages{w: w}
	for i := range r.Tests {
		if !r.Tests[i].Passed {
			p.failure(&r.Tests[i], colour)
		}
	}
	if r.Uncovered != nil && len(*r.Uncovered) > 0 {
		p.line("%s", paint(cell{"No test reaches:", yellow}, colour))
		list := table{headings: []string{"RULE", "POLICY", "AT"}}
		for _, u := range *r.Uncovered {
			list.add(text(ruleOf(u)), text(u.Policy), cell{u.Source.String(), faint})
		}
		list.print(w, colour)
		p.line("")
	}
	p.line("%s", paint(r.summary(), colour))
	return p.err
}

func (p *pages) failure(f *testResult, colour bool) {
	p.line("%s  %s  %s", paint(cell{"FAIL", red}, colour), paint(cell{printable(f.Name), bold}, colour), printable(f.Source.String()))
	p.line("      %s\n", printable(f.String()))
	p.line("%s", indented(f.explanation(colour), "      "))
}

// explanation is why it was decided so.
func (f *testResult) explanation(colour bool) string {
	var b strings.Builder
	_ = f.Explanation.Write(&b, colour) // a Builder takes everything
	return b.String()
}

// indented is a text of lines, each behind a margin.
func indented(text, margin string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(margin)
		}
		b.WriteString(line)
	}
	return b.String()
}

// ruleOf names what no test reaches.
func ruleOf(u policy.Uncovered) string {
	if u.Rule == "" {
		return u.Effect
	}
	return fmt.Sprintf("%s %q", u.Effect, u.Rule)
}

func (r *testReport) summary() cell {
	switch {
	case len(r.Tests) == 0:
		return cell{"There is no test.", yellow}
	case r.Failed > 0:
		return cell{fmt.Sprintf("%s: %d passed, %d failed", count(len(r.Tests), "test"), r.Passed, r.Failed), red}
	}
	return cell{count(len(r.Tests), "test") + " passed", green}
}

// count is a number of things: "1 test", "1,234 tests".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// thousands is a number as people read it.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
