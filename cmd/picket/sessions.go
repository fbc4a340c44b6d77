package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (t terminal) sessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sessions COMMAND [--admin ADDRESS]",
		Short: "Who is signed in; sign them out",
		Example: `  picket sessions list --user alice@example.com
  picket sessions revoke --user alice@example.com`,
	}
	addAdminFlag(c)
	c.AddCommand(t.listCommand(), t.showCommand(), t.revokeCommand())
	group(c)
	return c
}

func (t terminal) listCommand() *cobra.Command {
	var user string
	c := &cobra.Command{
		Use:   "list [--user ID|EMAIL]",
		Short: "List the sessions, of all users or of one",
		Example: `  picket sessions list
  picket sessions list --user alice@example.com -o json`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return t.listSessions(c, user) },
	}
	c.Flags().StringVar(&user, "user", "", "only of this user, by id or email")
	offerFlag(c, "user", t.userNames)
	return c
}

func (t terminal) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show ID",
		Short:             "Show one session",
		Example:           `  picket sessions show 3q2-7wAAAAAAAAAAAAAAAA`,
		Args:              args("ID"),
		ValidArgsFunction: offers(t.sessionIDs),
		RunE:              func(c *cobra.Command, args []string) error { return t.showSession(c, args[0]) },
	}
}

func (t terminal) revokeCommand() *cobra.Command {
	var user string
	var all bool
	c := &cobra.Command{
		Use:   "revoke ID | --user ID|EMAIL | --all",
		Short: "End a session, all sessions of a user, or all there are",
		Long: `Ends sessions. When the command is done a quorum of the store has it: every node
refuses the next request within milliseconds and cuts the WebSockets and streams that
are open. The people concerned may sign in again, unless something else keeps them out.`,
		Example: `  picket sessions revoke 3q2-7wAAAAAAAAAAAAAAAA
  picket sessions revoke --user alice@example.com
  picket sessions revoke --all`,
		Args: func(c *cobra.Command, given []string) error {
			chosen := len(given)
			if c.Flags().Changed("user") {
				chosen++
			}
			if all {
				chosen++
			}
			if chosen != 1 || c.Flags().Changed("user") && user == "" || len(given) == 1 && given[0] == "" {
				return errors.New("say which sessions: one ID, or --user, or --all")
			}
			return nil
		},
		ValidArgsFunction: offers(func(c *cobra.Command, given []string) []cobra.Completion {
			if c.Flags().Changed("user") || all {
				return nil
			}
			return t.sessionIDs(c, given)
		}),
		RunE: func(c *cobra.Command, args []string) error { return t.revoke(c, revocation(args, user)) },
	}
	c.Flags().StringVar(&user, "user", "", "all sessions of this user, by id or email")
	c.Flags().BoolVar(&all, "all", false, "all sessions of everybody")
	offerFlag(c, "user", t.userNames)
	return c
}

// revocation is the address to DELETE: of a session, else of a user's sessions, else of all.
func revocation(ids []string, user string) string {
	switch {
	case len(ids) == 1:
		return "/v1/sessions/" + url.PathEscape(ids[0])
	case user != "":
		return "/v1/users/" + url.PathEscape(user) + "/sessions"
	}
	return "/v1/sessions?all=true"
}

func (t terminal) listSessions(c *cobra.Command, user string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	path := "/v1/sessions"
	if user != "" {
		path += "?" + url.Values{"user": {user}}.Encode()
	}
	var list sessions
	raw, err := node.do(c.Context(), http.MethodGet, path, &list)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	if len(list.Sessions) == 0 {
		fmt.Fprintln(t.err, nobody(user))
		return nil
	}
	list.table(time.Now()).print(t.out, t.colour)
	return nil
}

// nobody says that a list is empty, and of what.
func nobody(user string) string {
	if user == "" {
		return "Nobody is signed in."
	}
	return fmt.Sprintf("There is no session of %s.", printable(user))
}

func (l sessions) table(now time.Time) *table {
	out := &table{headings: []string{"ID", "USER", "IDENTITY", "SIGNED IN", "SEEN", "UNTIL", "ADDRESS"}}
	for _, s := range l.Sessions {
		out.add(text(s.ID), cell{s.who(), bold}, text(s.Identity), text(ago(s.Begun, now)), text(ago(s.Seen, now)),
			text(clock(s.Expires)), text(orDash(s.Address)))
	}
	return out
}

// who is the email, else the user id.
func (s session) who() string {
	if s.Email != "" {
		return s.Email
	}
	return s.User
}

// holder is what shows the session: the browser that signed in, or a program that it was asked for.
func (s session) holder() string {
	if s.Program {
		return "a program"
	}
	return "the browser"
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return age(t, now) + " ago"
}

func (t terminal) showSession(c *cobra.Command, id string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var s session
	raw, err := node.do(c.Context(), http.MethodGet, "/v1/sessions/"+url.PathEscape(id), &s)
	if err != nil {
		return gone(err)
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	for _, row := range [][2]string{
		{"Session", s.ID}, {"User", s.User}, {"Email", orDash(s.Email)}, {"Name", orDash(s.Name)},
		{"Groups", orDash(strings.Join(s.Groups, ", "))}, {"Identity", s.Identity},
		{"Signed in", clock(s.Begun)}, {"Seen", clock(s.Seen)}, {"Until", clock(s.Expires)},
		{"Address", orDash(s.Address)}, {"Browser", orDash(s.UserAgent)}, {"Device", orDash(s.Device)}, {"Held by", s.holder()}, {"Locked by", orDash(s.Lock)},
	} {
		fmt.Fprintf(t.out, "%s%s\n", paint(cell{fmt.Sprintf("%-11s", row[0]), faint}, t.colour), printable(row[1]))
	}
	return nil
}

func (t terminal) revoke(c *cobra.Command, path string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var done revoked
	raw, err := node.do(c.Context(), http.MethodDelete, path, &done)
	if err != nil {
		return gone(err)
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	switch done.Revoked {
	case 0:
		fmt.Fprintln(t.out, "There was no session to revoke.")
	case 1:
		fmt.Fprintln(t.out, "1 session revoked.")
	default:
		fmt.Fprintf(t.out, "%d sessions revoked.\n", done.Revoked)
	}
	return nil
}

// gone adds what to do next to the answer that there is no such thing.
func gone(err error) error {
	if errors.As(err, &absent{}) {
		return fmt.Errorf("%w: 'picket sessions list' shows what there is", err)
	}
	return err
}
