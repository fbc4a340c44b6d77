package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"picket/cmd/picket/dev"
)

func (t terminal) devCommand() *cobra.Command {
	o := dev.Options{Out: t.out, Colour: t.colour}
	c := &cobra.Command{
		Use:   "dev [--nodes N] [--port PORT] [--dir FOLDER]",
		Short: "A cluster to try on this machine, with everything around it",
		Long: `Runs a whole cluster on this machine until Ctrl-C: nodes, a balancer before them, an
identity provider with three people, and an application to sign in to. Prints what to
open and what to try. Nothing is left running, and nothing on disk without --dir.`,
		Example: `  picket dev
  picket dev --nodes 1 --port 9000
  picket dev --dir ./playground     # keep configuration, state and logs`,
		Args: func(c *cobra.Command, given []string) error {
			if err := args()(c, given); err != nil {
				return err
			}
			if o.Nodes != 1 && o.Nodes != 3 && o.Nodes != 5 {
				return fmt.Errorf("--nodes takes 1, 3 or 5, not %d: state needs a clear majority", o.Nodes)
			}
			if o.Port < 0 || o.Port > 65535 {
				return fmt.Errorf("--port takes 1 to 65535, or 0 for any, not %d", o.Port)
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return runDev(c, o) },
	}
	c.Flags().IntVar(&o.Nodes, "nodes", dev.DefaultNodes, "how many nodes: 1, 3 or 5")
	c.Flags().IntVar(&o.Port, "port", dev.DefaultPort, "port to open in a browser; 0: any that is free")
	c.Flags().StringVar(&o.Dir, "dir", "", "keep the files in this folder")
	offerFiles(c, "dir")
	offerFlag(c, "nodes", func(*cobra.Command, []string) []cobra.Completion { return []string{"1", "3", "5"} })
	return c
}

// runDev ends with the first signal. Package dev listens for the second itself: it has children to end.
func runDev(c *cobra.Command, o dev.Options) (err error) {
	if o.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("finding the picket binary: %w", err)
	}
	d, err := dev.New(o)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough must not end us before the folder is gone
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return d.Run(ctx)
}
