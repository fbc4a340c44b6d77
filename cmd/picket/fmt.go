package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"picket/node/config"
)

func (t terminal) fmtCommand() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "fmt [--check] PATH",
		Short: "Lay out a configuration in the one way",
		Long: `Writes a configuration anew in the one layout there is, and prints which files it
changed. With --check it writes nothing and fails when a file is not laid out so.`,
		Example: `  picket fmt cluster.hcl
  picket fmt --check /etc/picket/`,
		Args:              args("PATH"),
		ValidArgsFunction: oneFile,
		RunE:              func(c *cobra.Command, args []string) error { return t.format(c, args[0], check) },
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; fail when something would change")
	return c
}

func (t terminal) format(c *cobra.Command, path string, check bool) error {
	files, err := config.Files(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no configuration at %s: give a file, or a folder with *.hcl files", printable(path))
	}
	if err != nil {
		return err
	}
	changed := []string{}
	for _, file := range files {
		differs, err := formatFile(file, check)
		if err != nil {
			return fmt.Errorf("laying out %s: %w", printable(file), err)
		}
		if differs {
			changed = append(changed, file)
		}
	}
	if err := t.printChanged(wantsJSON(c), changed); err != nil {
		return err
	}
	if check && len(changed) > 0 {
		return errTold
	}
	return nil
}

func (t terminal) printChanged(asJSON bool, changed []string) error {
	if asJSON {
		return printJSON(t.out, map[string][]string{"changed": changed})
	}
	for _, file := range changed {
		if _, err := fmt.Fprintln(t.out, printable(file)); err != nil {
			return err
		}
	}
	return nil
}

// formatFile lays out one file and tells whether that changes it. A file that cannot be parsed is left alone.
func formatFile(path string, check bool) (changed bool, err error) {
	before, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	if _, mistakes := config.ParseFile(before, path); mistakes.HasErrors() {
		first := mistakes.Errs()[0]
		return false, fmt.Errorf("%w: 'picket check' shows where", first)
	}
	after := config.Format(before)
	if bytes.Equal(before, after) {
		return false, nil
	}
	if check {
		return true, nil
	}
	return true, replace(path, after)
}

// replace writes a file whole or not at all: a new one beside it takes its name.
func replace(path string, text []byte) (err error) {
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".picket-fmt-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
