package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// backedUp is what a node says of a backup that it made.
type backedUp struct {
	Cluster string    `json:"cluster"`
	At      time.Time `json:"at"`
	Version string    `json:"version"`
	Records int       `json:"records"`
	Buckets []struct {
		Name    string `json:"name"`
		Records int    `json:"records"`
	} `json:"buckets"`
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func (t terminal) backupCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "backup FILE|- [--force] [--admin ADDRESS]",
		Short: "Save what the cluster knows to a file",
		Long: `Saves sessions, tokens, users, groups, locks, keys, certificates and the facts of data
blocks, each with the time that it has left, to a file that only its owner may read; or,
for -, to standard output. The cluster goes on meanwhile: each bucket is saved as it was
at some moment after the command began.

The whole file is sealed with the cluster's first secret. It is of use only to a cluster
of the same name that still has this secret among cluster.secrets: keep the secret, and
keep it elsewhere. What providers gave (access and refresh tokens) is sealed within it
once more, as it is in the store.

Not saved: which one-time codes were used, which nodes there are and who leads what,
decision and audit logs, and data blocks that the node's configuration does not name.`,
		Example: `  picket backup picket.backup
  picket backup - | ssh vault 'cat > picket.backup'`,
		Args:              args("FILE"),
		ValidArgsFunction: oneFile,
		RunE:              func(c *cobra.Command, args []string) error { return t.backup(c, args[0], force) },
	}
	c.Flags().BoolVar(&force, "force", false, "write over a file that exists")
	addAdminFlag(c)
	return c
}

func (t terminal) backup(c *cobra.Command, file string, force bool) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if file == "-" {
		return t.backupOut(ctx, c, node)
	}
	if _, err := os.Lstat(file); err == nil && !force {
		return fmt.Errorf("%s exists: give another name, or --force to write over it", file)
	}
	to, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-") // which only its owner may read
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	defer os.Remove(to.Name()) // of no use, unless it got its name before
	done, err := t.fetchBackup(ctx, node, to)
	if err == nil {
		err = errors.Join(to.Sync(), to.Close())
	}
	if err == nil {
		err = os.Rename(to.Name(), file)
	}
	if err != nil {
		_ = to.Close()
		return fmt.Errorf("nothing is saved: %w", err)
	}
	done.File = file
	if wantsJSON(c) {
		return printJSON(t.out, done)
	}
	fmt.Fprintf(t.out, "%s saved: %d records of cluster %s, %s.\n", printable(file), done.Records, printable(done.Cluster), bytesText(done.Bytes))
	return nil
}

// backupOut writes the backup to standard output.
func (t terminal) backupOut(ctx context.Context, c *cobra.Command, node *admin) error {
	if wantsJSON(c) {
		return misused("- and -o json both take standard output: give a FILE")
	}
	if t.outTerminal {
		return errors.New("a backup is not for a terminal: give a FILE, or send standard output elsewhere")
	}
	done, err := t.fetchBackup(ctx, node, t.out)
	if err != nil {
		return fmt.Errorf("what was written is not whole: %w", err)
	}
	fmt.Fprintf(t.err, "%d records of cluster %s, %s.\n", done.Records, printable(done.Cluster), bytesText(done.Bytes))
	return nil
}

// fetchBackup has the node make a backup and writes it to out.
func (t terminal) fetchBackup(ctx context.Context, node *admin, out io.Writer) (backedUp, error) {
	var done backedUp
	patient := &http.Client{Transport: node.client.Transport}
	res, err := node.ask(ctx, patient, http.MethodGet, "/v1/backup", nil)
	if err != nil {
		return done, err
	}
	defer res.Body.Close()
	meter := t.meter()
	defer meter.done()
	done.Bytes, err = io.Copy(out, &metered{in: res.Body, meter: meter, what: "saving"})
	if err != nil {
		return done, fmt.Errorf("taking the backup of %s: %w", node.shown, cause(err))
	}
	if said := res.Trailer.Get("Picket-Error"); said != "" {
		return done, fmt.Errorf("the node at %s says: %s", node.shown, printable(said))
	}
	size := done.Bytes
	if err := json.Unmarshal([]byte(res.Trailer.Get("Picket-Result")), &done); err != nil {
		return done, fmt.Errorf("the node at %s broke off: its log may say why", node.shown)
	}
	done.Bytes = size
	return done, nil
}
