package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// shells are those that completion knows.
func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func (t terminal) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print what makes a shell complete picket's commands",
		Example: `  source <(picket completion bash)
  picket completion zsh > "${fpath[1]}/_picket"
  picket completion fish > ~/.config/fish/completions/picket.fish`,
		Args:      args("the name of a shell"),
		ValidArgs: shells(),
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(t.out, true)
			case "zsh":
				return root.GenZshCompletion(t.out)
			case "fish":
				return root.GenFishCompletion(t.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(t.out)
			}
			return misused("there is no completion for %q, but for %s", args[0], strings.Join(shells(), ", "))
		},
	}
}
