package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (t terminal) dataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "data COMMAND [--admin ADDRESS]",
		Short: "The facts that policies know as data.NAME",
		Long: `Reads and writes the facts of the data blocks of a running cluster. Each is a JSON value
under a key. What is put or removed is in force on every node at once, without a reload.`,
		Example: `  picket data put oncall alice@example.com true
  picket data list oncall`,
	}
	addAdminFlag(c)
	c.AddCommand(t.dataListCommand(), t.dataGetCommand(), t.dataPutCommand(), t.dataRemoveCommand())
	group(c)
	return c
}

func (t terminal) dataListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "List the data blocks, or the facts of one",
		Example: `  picket data list
  picket data list oncall`,
		Args:              upTo(0, "NAME"),
		ValidArgsFunction: offers(t.blockNames),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return t.listBlocks(c)
			}
			return t.listFacts(c, args[0])
		},
	}
}

func (t terminal) dataGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME [KEY]",
		Short: "Print a fact, or all of a data block, as JSON",
		Example: `  picket data get oncall alice@example.com
  picket data get oncall > oncall.json`,
		Args:              upTo(1, "NAME", "KEY"),
		ValidArgsFunction: offers(t.blockNames, t.factKeys),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return t.getFacts(c, args[0])
			}
			return t.getFact(c, args[0], args[1])
		},
	}
}

func (t terminal) dataPutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "put NAME KEY VALUE|-",
		Short: "Write a fact",
		Long: `Writes a fact, in place of the one that the key had. The value is JSON: true, 3, "text",
["a", "b"], {"until": "2026-01-31"}; or - to read it from standard input. When the command
is done a quorum of the store has it.`,
		Example: `  picket data put oncall alice@example.com true
  picket data put owners wiki '["alice@example.com", "bob@example.com"]'
  picket data put titles alice@example.com '"head of docs"'
  picket data put limits wiki - < limits.json`,
		Args:              upTo(3, "NAME", "KEY", "VALUE"),
		ValidArgsFunction: offers(t.blockNames, t.factKeys),
		RunE:              func(c *cobra.Command, args []string) error { return t.putFact(c, args[0], args[1], args[2]) },
	}
}

func (t terminal) dataRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm NAME KEY",
		Short:             "Remove a fact",
		Example:           `  picket data rm oncall alice@example.com`,
		Args:              upTo(2, "NAME", "KEY"),
		ValidArgsFunction: offers(t.blockNames, t.factKeys),
		RunE:              func(c *cobra.Command, args []string) error { return t.removeFact(c, args[0], args[1]) },
	}
}

// upTo is args for arguments of which only the first are needed. None may be empty.
func upTo(needed int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		takes := names[:min(max(needed, len(given)), len(names))]
		if i := slices.Index(given, ""); i >= 0 && i < len(takes) {
			return fmt.Errorf("%s is empty", names[i])
		}
		return args(takes...)(c, given)
	}
}

// dataPath is where the admin API has a block, or a fact of it. Dots alone would lead elsewhere, and are escaped too.
func dataPath(names ...string) string {
	path := "/v1/data"
	for _, name := range names {
		if name == "." || name == ".." {
			path += "/" + strings.ReplaceAll(name, ".", "%2E")
			continue
		}
		path += "/" + url.PathEscape(name)
	}
	return path
}

// blocks are the names of data blocks.
type blocks struct {
	Data []string `json:"data"`
}

// blockNames offers the data blocks that there are.
func (t terminal) blockNames(c *cobra.Command, _ []string) []cobra.Completion {
	return offered[blocks](t, c, dataPath()).Data
}

// factKeys offers the keys of the block that is named before, with their values.
func (t terminal) factKeys(c *cobra.Command, given []string) (keys []cobra.Completion) {
	all := offered[facts](t, c, dataPath(given[0]))
	for key, value := range all.Records {
		keys = append(keys, described(key, shortened(compact(value))))
	}
	return append(keys, all.Unreadable...)
}

func (t terminal) listBlocks(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var answer blocks
	raw, err := node.do(c.Context(), http.MethodGet, dataPath(), &answer)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	if len(answer.Data) == 0 {
		fmt.Fprintln(t.err, `There is no data block: write data "oncall" {} in the configuration.`)
	}
	for _, name := range answer.Data {
		fmt.Fprintln(t.out, printable(name))
	}
	return nil
}

// facts are the values of a data block by key.
type facts struct {
	Records    map[string]json.RawMessage `json:"records"`
	Unreadable []string                   `json:"unreadable,omitempty"` // keys: for policies whatever is asked of them is unknown
}

func (t terminal) facts(c *cobra.Command, name string) (facts, error) {
	var all facts
	node, err := t.admin(c)
	if err != nil {
		return all, err
	}
	_, err = node.do(c.Context(), http.MethodGet, dataPath(name), &all)
	if all.Records == nil {
		all.Records = map[string]json.RawMessage{}
	}
	return all, noBlock(err)
}

func (t terminal) listFacts(c *cobra.Command, name string) error {
	all, err := t.facts(c, name)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, all)
	}
	if len(all.Records)+len(all.Unreadable) == 0 {
		fmt.Fprintf(t.err, "There is nothing in %s.\n", printable(name))
		return nil
	}
	list := table{headings: []string{"KEY", "VALUE"}}
	for _, key := range slices.Sorted(maps.Keys(all.Records)) {
		list.add(cell{key, bold}, text(shortened(compact(all.Records[key]))))
	}
	for _, key := range slices.Sorted(slices.Values(all.Unreadable)) {
		list.add(cell{key, bold}, cell{"cannot be read", red})
	}
	list.print(t.out, t.colour)
	return nil
}

func (t terminal) getFacts(c *cobra.Command, name string) error {
	all, err := t.facts(c, name)
	if err != nil {
		return err
	}
	return printJSON(t.out, all.Records)
}

func (t terminal) getFact(c *cobra.Command, name, key string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var value json.RawMessage
	if _, err := node.do(c.Context(), http.MethodGet, dataPath(name, key), &value); err != nil {
		return noFact(err, name)
	}
	return printJSON(t.out, value)
}

func (t terminal) putFact(c *cobra.Command, name, key, written string) error {
	value, err := factValue(c, written)
	if err != nil {
		return err
	}
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var done struct {
		Revision uint64 `json:"revision"`
	}
	raw, err := node.send(c.Context(), http.MethodPut, dataPath(name, key), value, &done)
	if err != nil {
		return noBlock(err)
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	fmt.Fprintf(t.out, "%s of %s is %s\n", paint(cell{printable(key), bold}, t.colour), printable(name), printable(shortened(compact(value))))
	return nil
}

// factValue is the JSON that was given, or that stands on standard input.
func factValue(c *cobra.Command, written string) ([]byte, error) {
	value := []byte(written)
	if written == "-" {
		var err error
		if value, err = readFile(c.InOrStdin(), written); err != nil {
			return nil, fmt.Errorf("reading the value: %w", err)
		}
		written = "what was read"
	}
	if json.Valid(value) {
		return value, nil
	}
	if quoted, err := json.Marshal(written); err == nil && len(written) <= 40 && string(value) == written {
		return nil, misused("the value %s is no JSON: a text is written in quotes, '%s'", printable(written), quoted)
	}
	return nil, misused("the value is no JSON: a text is written in quotes, '\"text\"'")
}

func (t terminal) removeFact(c *cobra.Command, name, key string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var done struct {
		Removed int `json:"removed"`
	}
	raw, err := node.do(c.Context(), http.MethodDelete, dataPath(name, key), &done)
	if err != nil {
		return noFact(err, name)
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	fmt.Fprintf(t.out, "%s is removed from %s\n", paint(cell{printable(key), bold}, t.colour), printable(name))
	return nil
}

// noBlock adds what to do next to the answer that there is no such data block.
func noBlock(err error) error {
	if errors.As(err, &absent{}) {
		return fmt.Errorf("%w: 'picket data list' shows what there is", err)
	}
	return err
}

// noFact adds what to do next to the answer that there is no such fact.
func noFact(err error, name string) error {
	if errors.As(err, &absent{}) {
		return fmt.Errorf("%w: 'picket data list %s' shows what there is", err, printable(name))
	}
	return err
}
