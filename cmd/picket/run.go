package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"picket/node"
	"picket/node/config"
)

func (t terminal) runCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "run --config PATH",
		Short: "Run a node",
		Long: `Runs one node of a cluster in the foreground, until SIGTERM or SIGINT. Then it takes no
new connections, finishes the requests under way and leaves the cluster; a second
signal ends it at once.

Its log goes to standard error. Where that is no terminal, lines that come close behind
one another are written together, 20 milliseconds later at most; warnings and
errors are not waited with, nor is anything once the node was told to end.`,
		Example: `  picket run --config cluster.hcl
  picket run --config /etc/picket/     # all *.hcl files of a folder`,
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) > 0 {
				return fmt.Errorf("nothing is to be done with %q: the configuration is given as --config PATH", given[0])
			}
			if path == "" {
				return errors.New("--config PATH is missing")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return t.run(c.Context(), path) },
	}
	c.Flags().StringVar(&path, "config", "", "the configuration: a file, or a folder of *.hcl files")
	offerFiles(c, "config")
	return c
}

func (t terminal) run(ctx context.Context, path string) error {
	reading := config.Read(path)
	problems := reading.Problems
	if problems.Failed() {
		return errors.Join(errTold, problems.Write(t.err, t.colourErr, t.width))
	}
	out := t.logTo(reading.Config.Telemetry)
	defer out.Straight()
	log := newLog(out, reading.Config.Telemetry, t.colourErr)
	if problems != nil {
		for warning := range strings.Lines(problems.Error()) {
			log.Warn().Msg(strings.TrimSpace(warning))
		}
	}
	ctx, stop := untilTold(ctx)
	defer stop()
	defer context.AfterFunc(ctx, out.Straight)() // a second signal leaves no time to write what is held
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	n, err := node.New(node.Options{
		Reading: reading, Version: thisBuild().Version, Log: log, Hangups: hangups, Level: setLogLevel,
	})
	if err != nil {
		return fmt.Errorf("making the node: %w", err)
	}
	if err := n.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("running the node: %w", err)
	}
	return nil
}

// logTo is where the log goes. Whoever reads along reads each line when it comes.
func (t terminal) logTo(o config.Telemetry) *logWriter {
	out := &logWriter{to: t.err, hold: logHold}
	if t.width > 0 || o.LogFormat == "console" {
		out.hold = 0
	}
	return out
}

// untilTold ends with the first signal to end. By then the next one finds nobody who would catch it.
func untilTold(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer cancel()
		defer signal.Stop(told)
		select {
		case <-told:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
