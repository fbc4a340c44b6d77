package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// certificate is one that is ordered, as the node that answers serves it.
type certificate struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // served, expired, missing
	Issuer   string    `json:"issuer"`
	Expires  time.Time `json:"expires"`  // zero: there is none
	NextTry  time.Time `json:"next_try"` // zero: at once, or not by itself
	Failures int       `json:"failures"` // in a row
	Error    string    `json:"error"`
	Help     string    `json:"help"` // what an operator can do, where only one can
}

// certificates is the answer of GET /v1/certificates.
type certificates struct {
	Certificates []certificate `json:"certificates"`
}

func (t terminal) certificatesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "certificates COMMAND [--admin ADDRESS]",
		Short: "The certificates that are ordered; have one ordered anew",
		Example: `  picket certificates list
  picket certificates renew wiki.example.com`,
	}
	addAdminFlag(c)
	c.AddCommand(t.listCertificatesCommand(), t.renewCommand())
	group(c)
	return c
}

func (t terminal) listCertificatesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the certificates, how long they are good for, and what went wrong",
		Example: `  picket certificates list
  picket certificates list -o json`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return t.listCertificates(c) },
	}
}

func (t terminal) renewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "renew NAME",
		Short: "Order a certificate anew, at once",
		Long: `Has the node order a certificate anew, whatever there is and whatever was tried before:
after its key has leaked, say, or once the cause of a failure is out of the way. It does not
wait for it. Authorities limit how often that can be done.`,
		Example: `  picket certificates renew wiki.example.com
  picket certificates renew '*.example.com'`,
		Args:              args("the NAME of a certificate"),
		ValidArgsFunction: offers(t.certificateNames),
		RunE:              func(c *cobra.Command, args []string) error { return t.renewCertificate(c, args[0]) },
	}
}

func (t terminal) listCertificates(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var list certificates
	raw, err := node.do(c.Context(), http.MethodGet, "/v1/certificates", &list)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	if len(list.Certificates) == 0 {
		fmt.Fprintln(t.err, `No certificate is ordered: no listener of the node has tls = "auto".`)
		return nil
	}
	certificateTable(list.Certificates, time.Now()).print(t.out, t.colour)
	return nil
}

// certificateNames offers the names that certificates are ordered for.
func (t terminal) certificateNames(c *cobra.Command, _ []string) (names []cobra.Completion) {
	for _, one := range offered[certificates](t, c, "/v1/certificates").Certificates {
		names = append(names, described(one.Name, one.State))
	}
	return names
}

func (t terminal) renewCertificate(c *cobra.Command, name string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var done struct {
		Name string `json:"name"`
	}
	raw, err := node.do(c.Context(), http.MethodPost, "/v1/certificates/"+url.PathEscape(name)+"/renew", &done)
	if errors.As(err, &absent{}) {
		return fmt.Errorf("%w: 'picket certificates list' shows what there is", err)
	}
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	fmt.Fprintf(t.out, "A certificate for %s is being ordered: 'picket certificates list' shows what becomes of it.\n", printable(done.Name))
	return nil
}

// certificateTable shows each certificate: how long it is good for, and what is to come.
func certificateTable(all []certificate, now time.Time) *table {
	t := &table{headings: []string{"CERTIFICATE", "STATE", "ENDS", "NEXT", "ISSUER", "TROUBLE"}}
	for _, one := range all {
		t.add(text(one.Name), one.state(), text(ahead(one.Expires, now)), text(one.next(now)), text(orDash(one.Issuer)), one.trouble())
	}
	return t
}

func (one certificate) state() cell {
	switch one.State {
	case "served":
		return cell{one.State, green}
	case "expired", "missing":
		return cell{one.State, red}
	}
	return text(orDash(one.State))
}

// next is when it is ordered or renewed.
func (one certificate) next(now time.Time) string {
	switch {
	case one.Help != "":
		return "by you"
	case !one.NextTry.After(now):
		return "now"
	}
	return ahead(one.NextTry, now)
}

func (one certificate) trouble() cell {
	said := one.Error
	if one.Failures > 1 {
		said = fmt.Sprintf("%d times: %s", one.Failures, said)
	}
	if one.Help != "" {
		said += "; " + one.Help
	}
	return cell{orDash(said), map[bool]string{true: plain, false: yellow}[said == ""]}
}

// ahead is how far t lies in the future, in its two largest units.
func ahead(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case !t.After(now):
		return "over"
	}
	return "in " + age(now, t)
}
