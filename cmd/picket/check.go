package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"picket/node/config"
)

func (t terminal) checkCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check PATH [--json]",
		Short: "Find every mistake in a configuration",
		Long: `Reads a configuration as a node would, env() and file() included, and shows every
mistake with its line. A warning alone is no failure.`,
		Example: `  picket check cluster.hcl
  picket check /etc/picket/ --json`,
		Args:              args("PATH"),
		ValidArgsFunction: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			_, problems := config.Load(args[0])
			if asJSON || wantsJSON(c) {
				return t.problemsJSON(problems)
			}
			return t.problems(args[0], problems)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "the same as -o json")
	return c
}

// problems tells a person. What was asked for are the problems, so they go to standard output.
func (t terminal) problems(path string, p *config.Problems) error {
	if err := p.Write(t.out, t.colour, t.width); err != nil {
		return err
	}
	if p.Failed() {
		return errTold
	}
	_, err := fmt.Fprintf(t.out, "%s %s\n", printable(path), paint(cell{"is good", green}, t.colour))
	return err
}

// problemsJSON tells a program.
func (t terminal) problemsJSON(p *config.Problems) error {
	list, err := p.JSON()
	if err != nil {
		return err
	}
	answer := struct {
		Valid    bool            `json:"valid"`
		Problems json.RawMessage `json:"problems"`
	}{!p.Failed(), list}
	if err := printJSON(t.out, answer); err != nil {
		return err
	}
	if p.Failed() {
		return errTold
	}
	return nil
}
