package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// defaultSince is how far back replay looks unless it is told.
const defaultSince = "24h"

func (t terminal) replayCommand() *cobra.Command {
	var since, file string
	c := &cobra.Command{
		Use:   "replay PATH [--since 24h] [--admin ADDRESS | --input FILE]",
		Short: "Who would gain and who would lose access, had a configuration been in force",
		Long: `Takes the decisions that a cluster has recorded, decides each of them anew by the
configuration at PATH, and shows who would gain and who would lose access to what, by user,
route and rule, how often, with an example of each. Nothing is changed anywhere.

A request is decided by what the route of the same name says now; who was admitted on a
route that is no more loses access. Being asked to sign in again is less than access and
more than a refusal. Of headers, queries and data a record holds what the policies of
then asked for: what only the new ones ask for is missing, and a note says so. PATH is
read as by 'picket check', so what it takes from env() has to be set.

--input reads the records from a file, one JSON object on a line, as GET /v1/decisions of
the admin address gives them. All of them count then, unless --since is given too.

The exit code does not tell whether anything changes: -o json does.`,
		Example: `  picket policy replay cluster.hcl
  picket policy replay new.hcl --since 7d --admin 10.0.0.7:9901
  curl 'http://127.0.0.1:9901/v1/decisions?since=2026-01-31T00:00:00Z' > decisions.ndjson
  picket policy replay new.hcl --input decisions.ndjson -o json`,
		Args:              args("PATH"),
		ValidArgsFunction: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			if file != "" && c.Flags().Changed("admin") {
				return misused("--admin and --input both tell where the records are: give one of them")
			}
			if file != "" && !c.Flags().Changed("since") {
				since = ""
			}
			from, err := sinceWhen(since, time.Now())
			if err != nil {
				return err
			}
			return t.replay(c, args[0], file, from)
		},
	}
	c.Flags().StringVar(&since, "since", defaultSince, "how far back, as 90m, 24h or 7d; or since when, as 2026-01-31T18:00:00Z")
	c.Flags().StringVar(&file, "input", "", "read the records from this file; -: from standard input")
	offerFiles(c, "input")
	addAdminFlag(c)
	return c
}

// sinceWhen is the instant that --since means; the zero time when it is "".
func sinceWhen(written string, now time.Time) (time.Time, error) {
	if written == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(written, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(written); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		return at, misused("--since takes how far back, as 90m, 24h or 7d, or since when, as 2026-01-31T18:00:00Z; not %q", written)
	}
	return at, nil
}

func (t terminal) replay(c *cobra.Command, path, file string, since time.Time) error {
	conf, err := t.loadWhole(path)
	if err != nil {
		return err
	}
	records, err := t.records(c, file, since)
	if err != nil {
		return err
	}
	defer records.Close()
	report, err := newReplay(conf, since).run(c.Context(), records, t.progress())
	if err != nil {
		return fmt.Errorf("reading the records: %w", err)
	}
	if wantsJSON(c) {
		return printJSON(t.out, report)
	}
	return report.write(t.out, t.colour)
}

// records are the decisions that were recorded: of a file, else of a running node.
func (t terminal) records(c *cobra.Command, file string, since time.Time) (io.ReadCloser, error) {
	switch file {
	case "":
		node, err := t.admin(c)
		if err != nil {
			return nil, err
		}
		return t.recorded(c.Context(), node, since)
	case "-":
		return io.NopCloser(c.InOrStdin()), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the records: %w", err)
	}
	return f, nil
}

// recorded asks a node for its records.
func (t terminal) recorded(ctx context.Context, node *admin, since time.Time) (io.ReadCloser, error) {
	query := url.Values{"since": {since.UTC().Format(time.RFC3339)}}
	stream, err := node.stream(ctx, "/v1/decisions?"+query.Encode())
	if errors.As(err, &absent{}) {
		return nil, fmt.Errorf("%w: does telemetry { decision_log = … } keep decisions?", err)
	}
	return stream, err
}

// progress tells a person at a terminal how many decisions have been read, and takes that away in the end.
func (t terminal) progress() func(read int, done bool) {
	if t.width == 0 {
		return func(int, bool) {}
	}
	var told time.Time
	return func(read int, done bool) {
		switch {
		case done && !told.IsZero():
			fmt.Fprintf(t.err, "\r%32s\r", "")
		case !done && time.Since(told) > 100*time.Millisecond:
			fmt.Fprintf(t.err, "\r%-32s", thousands(read)+" decisions read")
			told = time.Now()
		}
	}
}
