package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// reload is the answer of POST /v1/reload, and what a status says of the last one.
type reload struct {
	Result  string    `json:"result"` // "loaded", "unchanged" or "refused"
	At      time.Time `json:"at"`
	Loaded  time.Time `json:"loaded"` // since when what is in force is; zero: an older node does not say
	Digest  string    `json:"digest"`
	Changes []string  `json:"changes"`
	Error   string    `json:"error"`
	Told    string    `json:"told"` // mistakes and warnings, as people read them
}

func (t terminal) reloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload [--admin ADDRESS]",
		Short: "Have a node read its configuration anew",
		Long: `Has one node read its files anew, and shows what changed. A configuration with a mistake,
or with a change that takes a restart, is refused as a whole: every reason is shown with its
line, and the node goes on as it was.

A node does the same by itself when its files change, and on SIGHUP.`,
		Example: `  picket reload
  picket reload --admin unix:/run/picket/admin.sock`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return t.reload(c) },
	}
	addAdminFlag(c)
	return c
}

func (t terminal) reload(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var made reload
	raw, err := node.do(c.Context(), http.MethodPost, "/v1/reload", &made)
	var no rejected
	if errors.As(err, &no) {
		if err := json.Unmarshal(no.answer, &made); err != nil {
			return node.noPicket()
		}
		raw, err = no.answer, errTold
	}
	if err != nil && !errors.Is(err, errTold) {
		return err
	}
	if wantsJSON(c) {
		return errors.Join(err, printJSON(t.out, raw))
	}
	made.print(t)
	return err
}

// print tells a person: the reasons go where mistakes go.
func (r reload) print(t terminal) {
	for line := range strings.Lines(r.Told) {
		fmt.Fprintln(t.err, printable(strings.TrimSuffix(line, "\n")))
	}
	switch r.Result {
	case "loaded":
		fmt.Fprintf(t.out, "%s (%s)\n", paint(cell{"loaded", green}, t.colour), short(r.Digest))
		for _, change := range r.Changes {
			fmt.Fprintf(t.out, "  %s\n", printable(change))
		}
	case "unchanged":
		since := ""
		if !r.Loaded.IsZero() { // often a moment ago, when the node saw by itself that its files had changed
			since = ", loaded " + ago(r.Loaded, r.At)
		}
		fmt.Fprintf(t.out, "nothing changed (%s%s)\n", short(r.Digest), since)
	default:
		fmt.Fprintf(t.err, "%s, and nothing changed: %s\n", paint(cell{"refused", red}, t.colourErr), printable(r.Error))
	}
}

// configuration is what a status says of the configuration in force.
type configuration struct {
	Loaded time.Time `json:"loaded"`
	Last   *reload   `json:"last_reload"` // nil: it was not read again since the start
}

// print says what somebody should know: that the files hold something else than what is in force.
func (c configuration) print(w io.Writer, colour bool, now time.Time) {
	if c.Last == nil || c.Last.Result != "refused" {
		return
	}
	fmt.Fprintf(w, "%s: %s\n", paint(cell{"a configuration was refused " + age(c.Last.At, now) + " ago", red}, colour), printable(c.Last.Error))
	fmt.Fprintf(w, "the one loaded %s ago stays in force; 'picket reload' shows every reason\n", age(c.Loaded, now))
}
