package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (t terminal) statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status [--admin ADDRESS]",
		Short: "The nodes, how fresh they are, the replicas, the identity providers, the applications, the certificates",
		Long: `Asks one node what it knows of the cluster: which nodes there are, which of them keep
state, who is gone, and whether they run the same version and configuration; who leads
each bucket, who follows and how far behind; whether the identity providers answer; what
health checks and errors say of the applications behind routes; and how long each
certificate is good for that is ordered (tls = "auto").`,
		Example: `  picket status
  picket status --admin 10.0.0.7:9901
  PICKET_ADMIN=unix:/run/picket/admin.sock picket status -o json`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return t.status(c) },
	}
	addAdminFlag(c)
	return c
}

func (t terminal) status(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var s status
	raw, err := node.do(c.Context(), http.MethodGet, "/v1/status", &s)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	s.print(t.out, t.colour, time.Now())
	return nil
}

// print writes a status for people: a heading, then a table for each kind of thing.
func (s status) print(w io.Writer, colour bool, now time.Time) {
	fmt.Fprintf(w, "%s of cluster %s, version %s, up %s\n", paint(cell{printable(s.Node), bold}, colour),
		printable(orDash(s.Cluster)), printable(orDash(s.Version)), age(s.Since, now))
	fmt.Fprintf(w, "%s, %s\n", paint(s.readiness(), colour), paint(s.freshness(), colour))
	if !s.Ready && s.Unready.Why != "" {
		fmt.Fprintln(w, paint(cell{s.Unready.text(now), yellow}, colour))
	}
	s.Config.print(w, colour, now)
	for _, e := range s.Errors {
		fmt.Fprintln(w, paint(cell{"not known: " + printable(e), yellow}, colour))
	}
	s.printNodes(w, colour, now)
	s.printBuckets(w, colour)
	s.printProviders(w, colour, now)
	s.printUpstreams(w, colour, now)
	printUnder(w, *certificateTable(s.Certs, now), colour)
}

func (s status) readiness() cell {
	if s.Ready {
		return cell{"ready", green}
	}
	return cell{"not ready", red}
}

// text is why a node is not ready, and for how long.
func (u unready) text(now time.Time) string {
	if u.Since.IsZero() {
		return printable(u.Why)
	}
	return printable(u.Why) + ", for " + age(u.Since, now)
}

func (s status) freshness() cell {
	if s.Fresh {
		return cell{fmt.Sprintf("fresh (proved %s ago)", time.Duration(s.Staleness)*time.Millisecond), green}
	}
	return cell{"stale: it admits nobody until it has proved that it knows the latest", red}
}

func (s status) printNodes(w io.Writer, colour bool, now time.Time) {
	printUnder(w, *nodeTable(s.Nodes, now), colour)
}

func (s status) printBuckets(w io.Writer, colour bool) {
	t := table{headings: []string{"BUCKET", "RECORDS", "FRESH", "LEADER", "REPLICAS"}}
	for _, b := range s.Buckets {
		leader := text(b.Leader)
		if b.Unknown {
			t.add(text(b.Name), text("-"), s.fresh(b.Name), cell{"not known", red}, text("-"))
			continue
		}
		switch {
		case b.Leader == "" && len(b.Replicas) > 1:
			leader = cell{"none", red}
		case b.Leader == "":
			leader.text = "-"
		}
		t.add(text(b.Name), text(strconv.FormatUint(b.Records, 10)), s.fresh(b.Name), leader, b.copies())
	}
	printUnder(w, t, colour)
}

// fresh is how long ago this node proved that it knows the latest of a bucket; a dash for one that decides nothing.
func (s status) fresh(bucket string) cell {
	for _, f := range s.Feeds {
		switch {
		case f.Name != bucket:
		case f.Fresh:
			return text((time.Duration(f.Staleness) * time.Millisecond).String())
		case f.Staleness < 0:
			return cell{"never", red}
		default:
			return cell{"stale, " + (time.Duration(f.Staleness) * time.Millisecond).Round(time.Second).String(), red}
		}
	}
	return text("-")
}

// copies names those that follow a leader, how far behind they are, and whether there are as many as there are to be.
func (b bucketStatus) copies() cell {
	out := cell{colour: plain}
	var parts []string
	current := 0
	for _, r := range b.Replicas {
		switch {
		case r.Leader:
			current++
		case r.Offline:
			out.colour = yellow
			parts = append(parts, r.Name+" (gone)")
		case r.Current:
			current++
			parts = append(parts, r.Name)
		case r.Lag == 0:
			out.colour = yellow
			parts = append(parts, r.Name+" (silent)")
		default:
			out.colour = yellow
			parts = append(parts, fmt.Sprintf("%s (behind by %d)", r.Name, r.Lag))
		}
	}
	out.text = orDash(strings.Join(parts, ", "))
	if current < b.Wanted && b.Wanted > 1 {
		out.colour = yellow
		out.text += fmt.Sprintf(", %d of %d current", current, b.Wanted)
	}
	return out
}

func (s status) printProviders(w io.Writer, colour bool, now time.Time) {
	t := table{headings: []string{"IDENTITY", "ISSUER", "SINCE", "FAILURES", "REFRESHES", "STATE"}}
	for _, p := range s.Providers {
		t.add(text(p.Name), text(p.Issuer), text(age(p.Since, now)), text(strconv.Itoa(p.Failures)), p.refreshes(), p.state())
	}
	printUnder(w, t, colour)
}

func (p providerStatus) state() cell {
	switch {
	case p.Reachable && p.Error != "":
		return cell{"reachable, but: " + p.Error, yellow}
	case p.Reachable:
		return cell{"reachable", green}
	case p.Error == "":
		return text("not asked yet")
	}
	return cell{"unreachable: " + p.Error, red}
}

// refreshes is whether the provider is asked to renew tokens: one that failed time and again is not, or once at a time.
func (p providerStatus) refreshes() cell {
	switch p.Circuit {
	case "open":
		return cell{"paused", red}
	case "half_open":
		return cell{"one try", yellow}
	case "closed":
		return text("asked")
	}
	return text("-")
}

// printUnder writes a table beneath what stands already, unless it is empty.
func printUnder(w io.Writer, t table, colour bool) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintln(w)
	t.print(w, colour)
}

// short is the beginning of a digest: enough to compare by eye.
func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12]
	}
	return orDash(digest)
}

// age is how long ago t was, in its two largest units.
func age(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
