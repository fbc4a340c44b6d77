package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// resealed is what a node says of its resealing.
type resealed struct {
	Records    int      `json:"records"`
	Resealed   int      `json:"resealed"`
	Unreadable int      `json:"unreadable"`
	Others     []string `json:"others"` // nodes whose first secret is another
}

func (t terminal) resealCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reseal [--admin ADDRESS]",
		Short: "Seal all records anew with the first secret, so that an older one may go",
		Long: `Seals or signs anew every record that was made with an older cluster secret. It is the
third step of replacing the secret of a running cluster:

  1. add the new secret behind the old one in cluster.secrets of every node, and restart
     one node after the other: now all can read what the new one makes;
  2. move the new secret to the front, and restart one node after the other: now all make
     with the new one;
  3. picket reseal;
  4. remove the old secret, and restart one node after the other.

The command says when the old secret is of no more use. It may be interrupted and repeated;
nobody is signed out. A browser is given a new cookie when it next asks for a page after
step 2; one that has not done so before step 4 signs in again. A backup that was made with
the old secret can be restored only while that is among cluster.secrets: make a new one.`,
		Example: `  picket reseal`,
		Args:    args(),
		RunE:    func(c *cobra.Command, _ []string) error { return t.reseal(c) },
	}
	addAdminFlag(c)
	return c
}

func (t terminal) reseal(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	meter := t.meter()
	var done resealed
	raw, err := node.work(ctx, "/v1/reseal", nil, meter.records("resealing"), &done)
	meter.done()
	if err != nil {
		return fmt.Errorf("resealing: %w", err)
	}
	if wantsJSON(c) {
		err = printJSON(t.out, raw)
	} else {
		fmt.Fprintf(t.out, "%d of %d records sealed anew.\n", done.Resealed, done.Records)
	}
	return errors.Join(err, done.verdict(t, wantsJSON(c)))
}

// verdict says whether older secrets may go. It is a failure when they may not: a script goes no further.
func (r resealed) verdict(t terminal, quiet bool) error {
	if len(r.Others) > 0 {
		return fmt.Errorf("%s still makes records with another secret: put the new one first there, restart it, and reseal again before the old one is removed",
			printable(strings.Join(r.Others, ", ")))
	}
	if r.Unreadable > 0 {
		return fmt.Errorf("%d records open with none of the secrets, or were written by a newer version, and are left as they are: the node's log names them", r.Unreadable)
	}
	if !quiet {
		fmt.Fprintln(t.out, "Older secrets may be removed from cluster.secrets.")
	}
	return nil
}
