package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usage is cobra's own without the line that says again that there are commands.
const usage = `Usage:
  {{.UseLine}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{$all := .Commands}}{{range $kind := .Groups}}

{{.Title}}{{range $all}}{{if and .IsAvailableCommand (eq .GroupID $kind.ID)}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableSubCommands}}

{{if .Groups}}More:{{else}}Commands:{{end}}{{range .Commands}}{{if and .IsAvailableCommand (not .GroupID)}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

'{{.CommandPath}} COMMAND --help' tells more about a command.{{end}}
`

// root puts the commands together.
func (t terminal) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "picket COMMAND",
		Short: "An identity-aware access proxy that has no single stake to pull out",
		Long: `picket is an identity-aware access proxy: identical nodes that sign people in,
decide who may open what, and carry the requests that may pass.

Exit codes: 0 done, 1 refused or failed, 2 misused.`,
		Example: `  picket dev                         # a cluster to try, on this machine
  picket check cluster.hcl           # every mistake in a configuration
  picket run --config cluster.hcl    # one node`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // but where a file is meant
	root.PersistentFlags().StringP("output", "o", "table", "how to print: table or json")
	offerFlag(root, "output", formats)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return knownFormat(c) }
	root.SetUsageTemplate(usage)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &misuse{unknownFlag(err)} })
	family(root, "Trying and configuring:", t.devCommand(), t.checkCommand(), t.fmtCommand(), t.policyCommand(), t.importCommand(), t.secretCommand())
	family(root, "Nodes:", t.runCommand(), t.statusCommand(), t.reloadCommand(), t.nodesCommand(), t.certificatesCommand())
	family(root, "People:", t.sessionsCommand(), t.lockCommand())
	family(root, "What the cluster keeps:", t.dataCommand(), t.backupCommand(), t.restoreCommand(), t.resealCommand())
	family(root, "Programs that go through the door:", t.loginCommand(), t.tokenCommand(), t.connectCommand())
	root.AddCommand(t.versionCommand())
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.AddCommand(t.completionCommand())
	group(root)
	strict(root)
	return root
}

// unknownFlag says what to do with an argument that only looks like a flag, as the id of a user may.
func unknownFlag(err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedShortnames()) > 1 {
		return fmt.Errorf("%w: an argument that begins with - goes after --", err)
	}
	return err
}

// family adds commands that the help shows together, under a title.
func family(root *cobra.Command, title string, members ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range members {
		c.GroupID = title
	}
	root.AddCommand(members...)
}

// group makes a command out of one that only has others below it: by itself it is a misuse, with help.
func group(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return misused("a command is missing")
		}
		text := fmt.Sprintf("unknown command %q", args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			text += ", did you mean " + near[0] + "?"
		}
		return misused("%s", text)
	}
}

// strict makes a misuse of arguments that a command does not take, for c and all below it.
func strict(c *cobra.Command) {
	takes := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if takes == nil {
			return nil
		}
		if err := takes(c, args); err != nil {
			return &misuse{err}
		}
		return nil
	}
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// args is the rule for a command's arguments by their names: all are needed, no more are taken.
func args(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, given []string) error {
		if len(given) < len(names) {
			return fmt.Errorf("%s is missing", names[len(given)])
		}
		if len(given) > len(names) {
			return fmt.Errorf("nothing is to be done with %q", given[len(names)])
		}
		return nil
	}
}

// moreFormats annotates a command that knows one more way to print.
const moreFormats = "formats"

// formats offers those that a command knows.
func formats(c *cobra.Command, _ []string) []cobra.Completion {
	return []string{"table", "json", c.Annotations[moreFormats]}
}

// knownFormat refuses a format that a command does not know.
func knownFormat(c *cobra.Command) error {
	switch format, more := outputFormat(c), c.Annotations[moreFormats]; {
	case format == "table" || format == "json" || format == more && more != "":
		return nil
	case more != "":
		return misused("-o takes table, json or %s, not %q", more, format)
	default:
		return misused("-o takes table or json, not %q", format)
	}
}

// outputFormat is what -o says.
func outputFormat(c *cobra.Command) string {
	f := c.Flag("output")
	if f == nil {
		return "table"
	}
	return f.Value.String()
}

// wantsJSON tells whether -o json was given.
func wantsJSON(c *cobra.Command) bool { return outputFormat(c) == "json" }
