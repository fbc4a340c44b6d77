package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// restored is what a node says of a backup that it restored.
type restored struct {
	Cluster string           `json:"cluster"`
	At      time.Time        `json:"at"`
	Records int              `json:"records"`
	Buckets []restoredBucket `json:"buckets"`
}

type restoredBucket struct {
	Name       string `json:"name"`
	Unknown    bool   `json:"unknown"`
	Skipped    bool   `json:"skipped"`
	Records    int    `json:"records"`
	Restored   int    `json:"restored"`
	Present    int    `json:"present"`
	Removed    int    `json:"removed"`
	Expired    int    `json:"expired"`
	Unreadable int    `json:"unreadable"`
}

func (t terminal) restoreCommand() *cobra.Command {
	var force, noSessions bool
	c := &cobra.Command{
		Use:   "restore FILE|- [--no-sessions] [--force] [--admin ADDRESS]",
		Short: "Bring back what 'picket backup' saved",
		Long: `Brings the records of a backup back into a running cluster of the same name and secret;
- reads it from standard input. The whole file is checked first: one that is damaged, cut
off, or of another cluster or secret is refused, and nothing is written. Nodes see what
is restored at once; they need no restart.

Records are only added. What the cluster has already stays as it is; a session that it
ended stays ended, and whatever else it removed within the last hour stays removed. A lock
that was removed earlier is back. A cluster that holds anything but its own keys is refused
without --force.

Beware: whoever was signed in when the backup was made is signed in again. On a cluster
that lost its disks nobody knows which sessions were revoked after the backup was made:
they are good again.
A refresh token that was used since is refused by its provider, which ends the session.
With --no-sessions no session comes back: everybody signs in once more, nobody who was
put out gets in.`,
		Example: `  picket restore picket.backup
  picket restore --no-sessions picket.backup
  ssh vault cat picket.backup | picket restore -`,
		Args:              args("FILE"),
		ValidArgsFunction: oneFile,
		RunE:              func(c *cobra.Command, args []string) error { return t.restore(c, args[0], force, noSessions) },
	}
	c.Flags().BoolVar(&force, "force", false, "into a cluster that holds records already, too")
	c.Flags().BoolVar(&noSessions, "no-sessions", false, "leave out sessions and their tokens")
	addAdminFlag(c)
	return c
}

func (t terminal) restore(c *cobra.Command, file string, force, noSessions bool) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	from, size, err := input(c, file)
	if err != nil {
		return err
	}
	defer from.Close()
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	query := url.Values{"force": {strconv.FormatBool(force)}, "sessions": {strconv.FormatBool(!noSessions)}}
	meter := t.meter()
	var done restored
	body := &metered{in: from, meter: meter, what: "checking", total: size}
	raw, err := node.work(ctx, "/v1/restore?"+query.Encode(), body, meter.records("restoring"), &done)
	meter.done()
	if err != nil {
		return fmt.Errorf("restoring %s: %w", file, err)
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	t.printRestored(done)
	return nil
}

// input is what is to be read, and how many bytes that is (0: not known).
func input(c *cobra.Command, file string) (io.ReadCloser, int64, error) {
	if file == "-" {
		return io.NopCloser(c.InOrStdin()), 0, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the backup: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New(file + " is a folder")
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("reading the backup: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

func (t terminal) printRestored(done restored) {
	out := &table{headings: []string{"BUCKET", "SAVED", "RESTORED", "NOT RESTORED"}}
	sessions := 0
	for _, b := range done.Buckets {
		out.add(cell{b.Name, bold}, text(strconv.Itoa(b.Records)), text(strconv.Itoa(b.Restored)), text(orDash(b.left())))
		if b.Name == "sessions" {
			sessions = b.Restored
		}
	}
	out.print(t.out, t.colour)
	fmt.Fprintf(t.out, "\n%d records of %s are back in cluster %s.\n", done.Records, clock(done.At), printable(done.Cluster))
	if sessions > 0 {
		fmt.Fprintf(t.out, "Sessions that a cluster which is gone had revoked since are good again: 'picket sessions list' shows them, 'picket sessions revoke --all' ends them all.\n")
	}
}

// left is what was not restored, and why.
func (b restoredBucket) left() string {
	switch {
	case b.Unknown && b.Records > 0:
		return "the node's configuration has no such bucket"
	case b.Skipped && b.Records > 0:
		return "left out"
	}
	said := ""
	for _, part := range []struct {
		n   int
		why string
	}{{b.Present, "there already"}, {b.Removed, "removed since"}, {b.Expired, "expired"}, {b.Unreadable, "not of this cluster"}} {
		if part.n == 0 {
			continue
		}
		if said != "" {
			said += ", "
		}
		said += strconv.Itoa(part.n) + " " + part.why
	}
	return said
}
