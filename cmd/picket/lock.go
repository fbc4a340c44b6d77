package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// lock bars somebody, or something, from access.
type lock struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Target  string    `json:"target"`
	Reason  string    `json:"reason"`
	Author  string    `json:"author"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"` // zero: never
}

// locks is the answer of GET /v1/locks.
type locks struct {
	Locks      []lock   `json:"locks"`
	Unreadable []string `json:"unreadable"` // ids; as long as there are any, nobody is admitted
}

// lockRequest is the body of POST /v1/locks.
type lockRequest struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`
	Reason string `json:"reason,omitempty"`
	Author string `json:"author,omitempty"`
	TTL    string `json:"ttl,omitempty"`
}

func (t terminal) lockCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lock COMMAND [--admin ADDRESS]",
		Short: "Lock users, groups, sessions, devices or addresses out",
		Long: `Keeps people, browsers and networks out until the lock is removed or its time is over. A
lock signs nobody out: who is locked out is refused, and goes on where they were when
the lock is gone. To end sessions, see 'picket sessions revoke'.`,
		Example: `  picket lock add --user alice@example.com --reason "laptop stolen" --ttl 24h
  picket lock list
  picket lock rm 4dkq2vpz7c3m`,
	}
	addAdminFlag(c)
	c.AddCommand(t.lockAddCommand(), t.lockListCommand(), t.lockRemoveCommand())
	group(c)
	return c
}

// lockKinds are what can be locked, with what the flag of that name says.
func lockKinds() [][2]string {
	return [][2]string{
		{"user", "a user, by id or email: all sessions there are and will be"},
		{"group", "whoever is in the group of this name"},
		{"session", "one session, by id"},
		{"device", "one browser: the device that 'picket sessions show' tells"},
		{"address", "an address or a network (CIDR), on every route, public ones too"},
	}
}

func (t terminal) lockAddCommand() *cobra.Command {
	var asked lockRequest
	targets := map[string]*string{}
	c := &cobra.Command{
		Use:   "add --user ID|EMAIL | --group NAME | --session ID | --device ID | --address IP|CIDR",
		Short: "Lock somebody, or something, out",
		Long: `Locks a user, a group, a session, a device or an address out. When the command is done a
quorum of the store has it: every node refuses the next request within milliseconds and
cuts the WebSockets and streams that are open. Whoever is refused is told that access is
locked, and not why: the reason is for the log and for 'picket lock list'.

A user who is locked by email cannot get round it by changing the email. A device is a
browser that keeps its cookies; without them it is another one, and signed out. A lock of
a user, group, session or device does not bar routes for everyone, which ask nobody who
they are; a lock of an address does. Signing out is always possible.`,
		Example: `  picket lock add --user alice@example.com --reason "laptop stolen" --ttl 24h
  picket lock add --group contractors --reason "audit" --author carol
  picket lock add --address 203.0.113.0/24`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := chooseTarget(c, targets, &asked); err != nil {
				return err
			}
			if span, err := time.ParseDuration(asked.TTL); c.Flags().Changed("ttl") && (err != nil || span <= 0) {
				return misused("--ttl is %q: write how long, as 90m or 24h (a day is 24h), or leave it out for a lock that stays", asked.TTL)
			}
			if !c.Flags().Changed("author") {
				asked.Author = t.env("USER")
			}
			return t.addLock(c, asked)
		},
	}
	for _, kind := range lockKinds() {
		targets[kind[0]] = c.Flags().String(kind[0], "", kind[1])
	}
	c.Flags().StringVar(&asked.Reason, "reason", "", "why, for the log and other operators")
	c.Flags().StringVar(&asked.Author, "author", "", "who locks (default $USER)")
	c.Flags().StringVar(&asked.TTL, "ttl", "", "how long, as 90m or 24h; without it, until it is removed")
	offerFlag(c, "user", t.userNames)
	offerFlag(c, "group", t.groupNames)
	offerFlag(c, "session", t.sessionIDs)
	offerFlag(c, "device", t.deviceIDs)
	return c
}

// chooseTarget takes the one target that was given.
func chooseTarget(c *cobra.Command, targets map[string]*string, into *lockRequest) error {
	for _, kind := range lockKinds() {
		if !c.Flags().Changed(kind[0]) {
			continue
		}
		if into.Kind != "" {
			return misused("--%s and --%s are two locks: add one, then the other", into.Kind, kind[0])
		}
		if into.Kind, into.Target = kind[0], *targets[kind[0]]; into.Target == "" {
			return misused("--%s is empty", kind[0])
		}
	}
	if into.Kind == "" {
		return misused("say what to lock: --user, --group, --session, --device or --address")
	}
	return nil
}

func (t terminal) lockListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the locks in force",
		Example: `  picket lock list
  picket lock list -o json`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return t.listLocks(c) },
	}
}

func (t terminal) lockRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm ID",
		Short:             "Remove a lock",
		Example:           `  picket lock rm 4dkq2vpz7c3m`,
		Args:              args("ID"),
		ValidArgsFunction: offers(t.lockIDs),
		RunE:              func(c *cobra.Command, args []string) error { return t.removeLock(c, args[0]) },
	}
}

// lockIDs offers the locks that there are, with what they lock.
func (t terminal) lockIDs(c *cobra.Command, _ []string) (ids []cobra.Completion) {
	all := offered[locks](t, c, "/v1/locks")
	for _, l := range all.Locks {
		ids = append(ids, described(l.ID, l.Kind+" "+l.Target))
	}
	return append(ids, all.Unreadable...)
}

func (t terminal) addLock(c *cobra.Command, asked lockRequest) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("writing the lock: %w", err)
	}
	var made lock
	raw, err := node.send(c.Context(), http.MethodPost, "/v1/locks", body, &made)
	if errors.As(err, &absent{}) {
		return gone(err)
	}
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	fmt.Fprintf(t.out, "%s %s is locked %s: %s\n", printable(made.Kind), paint(cell{printable(made.Target), bold}, t.colour),
		made.until(), printable(made.ID))
	return nil
}

// until says how long a lock holds.
func (l lock) until() string {
	if l.Expires.IsZero() {
		return "until it is removed"
	}
	return "until " + clock(l.Expires)
}

func (t terminal) listLocks(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var all locks
	raw, err := node.do(c.Context(), http.MethodGet, "/v1/locks", &all)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	if len(all.Locks) == 0 && len(all.Unreadable) == 0 {
		fmt.Fprintln(t.err, "Nothing is locked.")
		return nil
	}
	all.table(time.Now()).print(t.out, t.colour)
	if len(all.Unreadable) > 0 {
		fmt.Fprintf(t.err, "As long as there are locks that cannot be read, nobody is admitted. Were they made with a secret that is gone, or by a later version? Remove them: %s\n",
			printable("picket lock rm "+strings.Join(all.Unreadable, ", picket lock rm ")))
	}
	return nil
}

func (l locks) table(now time.Time) *table {
	out := &table{headings: []string{"ID", "KIND", "TARGET", "SINCE", "UNTIL", "AUTHOR", "REASON"}}
	for _, one := range l.Locks {
		out.add(text(one.ID), text(one.Kind), cell{one.Target, bold}, text(ago(one.Created, now)), text(clock(one.Expires)),
			text(orDash(one.Author)), text(orDash(shortened(one.Reason))))
	}
	for _, id := range slices.Sorted(slices.Values(l.Unreadable)) {
		out.add(text(id), cell{"cannot be read", red}, text("-"), text("-"), text("-"), text("-"), text("-"))
	}
	return out
}

func (t terminal) removeLock(c *cobra.Command, id string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var done struct {
		Removed int `json:"removed"`
	}
	raw, err := node.do(c.Context(), http.MethodDelete, "/v1/locks/"+url.PathEscape(id), &done)
	if errors.As(err, &absent{}) {
		return fmt.Errorf("%w: 'picket lock list' shows what there is", err)
	}
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	fmt.Fprintf(t.out, "%s is removed\n", printable(id))
	return nil
}
