package main

import (
	"io"
	"time"
)

// upstreamStatus is how one application of one route is, as the node sees it that answers.
type upstreamStatus struct {
	Route    string    `json:"route"`
	Upstream string    `json:"upstream"`
	Health   string    `json:"health"` // healthy, unhealthy, unknown (nobody has asked yet) or unchecked
	Since    time.Time `json:"since"`
	Error    string    `json:"error"`
	Ejected  time.Time `json:"ejected_until"` // zero: it is not
}

// printUpstreams shows those applications that there is something to say of.
func (s status) printUpstreams(w io.Writer, colour bool, now time.Time) {
	t := table{headings: []string{"ROUTE", "UPSTREAM", "SINCE", "STATE"}}
	for _, u := range s.Upstreams {
		if u.Health != "unchecked" || !u.Ejected.IsZero() {
			t.add(text(u.Route), text(u.Upstream), text(age(u.Since, now)), u.state(now))
		}
	}
	printUnder(w, t, colour)
}

func (u upstreamStatus) state(now time.Time) cell {
	switch {
	case u.Health == "unhealthy":
		return cell{"not well: " + orDash(u.Error), red}
	case !u.Ejected.IsZero():
		return cell{"left alone for its errors, for " + age(now, u.Ejected), yellow}
	case u.Health == "healthy" && u.Error != "":
		return cell{"well, but: " + u.Error, yellow}
	case u.Health == "healthy":
		return cell{"well", green}
	}
	return text("not asked yet")
}
