package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"picket/cmd/picket/pomerium"
)

func (t terminal) importCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "import COMMAND",
		Short:   "Bring a configuration along from elsewhere",
		Example: `  picket import pomerium config.yaml --out cluster.hcl`,
	}
	c.AddCommand(t.pomeriumCommand())
	group(c)
	return c
}

func (t terminal) pomeriumCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "pomerium FILE|- [--out FILE|FOLDER]",
		Short: "Turn a configuration of Pomerium into one of picket",
		Long: `Writes what a configuration of Pomerium says, its routes and its policies (PPL), in the
language of picket: to standard output, or to --out, where nothing is overwritten. What
picket has is carried over with the same decisions. What it does not have stands there as
a comment with the reason; nobody is admitted whom Pomerium would have refused. Secrets
are not copied.

Notes on what was not carried over, and on what to look at, go to standard error with
their lines. They are no failure: the exit code is 0 when there is an output, whatever
the notes, and 1 when FILE is no configuration of Pomerium. With -o json the output and
the notes are one JSON object.`,
		Example: `  picket import pomerium config.yaml > cluster.hcl
  picket import pomerium config.yaml --out /etc/picket/ && picket check /etc/picket/
  picket import pomerium config.yaml -o json | jq '.notes[] | select(.carried | not)'`,
		Args:              args("FILE"),
		ValidArgsFunction: oneFile,
		RunE:              func(c *cobra.Command, args []string) error { return t.importPomerium(c, args[0], out) },
	}
	c.Flags().StringVar(&out, "out", "", "write to this file, or as cluster.hcl into this folder")
	offerFiles(c, "out")
	return c
}

func (t terminal) importPomerium(c *cobra.Command, file, out string) error {
	source, err := readFile(c.InOrStdin(), file)
	if err != nil {
		return fmt.Errorf("reading the configuration of Pomerium: %w", err)
	}
	name := "standard input"
	if file != "-" {
		name = filepath.Base(file)
	}
	result, err := pomerium.Import(name, source)
	if err != nil {
		return err
	}
	written := ""
	if out != "" {
		if written, err = writeNew(out, result.HCL); err != nil {
			return err
		}
	}
	if wantsJSON(c) {
		return printJSON(t.out, imported(result, written))
	}
	if written == "" {
		if _, err := t.out.Write(result.HCL); err != nil {
			return err
		}
	}
	t.notes(file, written, result)
	return nil
}

// writeNew writes a file that is not there yet; in a folder it is cluster.hcl.
func writeNew(path string, text []byte) (written string, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() || strings.HasSuffix(path, string(filepath.Separator)) {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return "", fmt.Errorf("making the folder: %w", err)
		}
		path = filepath.Join(path, "cluster.hcl")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("%s is there already: remove it, or give another --out", printable(path))
	}
	if err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return path, nil
}

// notes tells a person what became of the configuration.
func (t terminal) notes(file, written string, r *pomerium.Result) {
	for _, n := range r.Notes {
		what := cell{"note", faint}
		why := n.Why
		if !n.Carried {
			what = cell{"not carried over", yellow}
		}
		fmt.Fprintf(t.err, "%s:%d: %s: %s: %s\n", shownFile(file), n.Line, paint(what, t.colourErr),
			paint(cell{printable(n.What), bold}, t.colourErr), printable(why))
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(t.err)
	}
	fmt.Fprintf(t.err, "%s and %s; %s carried over, %s not\n", count(r.Routes, "route"), policies(r.Policies),
		count(r.CarriedOver, "setting"), thousands(r.NotCarried))
	if written != "" {
		fmt.Fprintf(t.err, "%s is written: 'picket check %s' says whether it can be run\n", printable(written), printable(written))
	}
}

// policies is count for them.
func policies(n int) string {
	if n == 1 {
		return "1 policy"
	}
	return thousands(n) + " policies"
}

// importReport is what became of a configuration, as -o json prints it.
type importReport struct {
	File        string       `json:"file,omitempty"` // that was written
	HCL         string       `json:"hcl,omitempty"`  // when no file was
	Routes      int          `json:"routes"`
	Policies    int          `json:"policies"`
	CarriedOver int          `json:"carried_over"`
	NotCarried  int          `json:"not_carried"`
	Notes       []importNote `json:"notes"`
}

// importNote is a note on a line of the source.
type importNote struct {
	Line    int    `json:"line"`
	What    string `json:"what"`
	Why     string `json:"why"`
	Carried bool   `json:"carried"`
}

func imported(r *pomerium.Result, written string) *importReport {
	report := &importReport{
		File: written, Routes: r.Routes, Policies: r.Policies, CarriedOver: r.CarriedOver, NotCarried: r.NotCarried,
		Notes: []importNote{},
	}
	if written == "" {
		report.HCL = string(r.HCL)
	}
	for _, n := range r.Notes {
		report.Notes = append(report.Notes, importNote(n))
	}
	return report
}
