package main

import "github.com/spf13/cobra"

// helpCommand is `picket help [COMMAND]`. Cobra's own calls an unknown command done.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about a command",
		Example: `  picket help sessions revoke`,
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
