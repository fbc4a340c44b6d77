package main

import "github.com/spf13/cobra"

// helpCommand is `picket help [COMMAND]`. Cobra's own calls an unknown command done.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Help about a command",
		Example:           `  picket help sessions revoke`,
		ValidArgsFunction: helped,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return misused("there is no command %q", args)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// helped completes the names of commands, and of those below them.
func helped(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	if above, rest, err := c.Root().Find(given); err == nil && len(rest) == 0 {
		for _, sub := range above.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, described(sub.Name(), sub.Short))
			}
		}
	}
	return beginning(names, begun), cobra.ShellCompDirectiveNoFileComp
}
