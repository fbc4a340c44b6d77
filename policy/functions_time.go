package policy

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every node, whatever its system knows

	"github.com/hashicorp/hcl/v2"
)

func (c *checker) duration(args []node, at hcl.Range) node {
	length, err := time.ParseDuration(valueOf[string](args[0]))
	if err != nil {
		c.mistake(args[0].at, badDuration, `A duration is written with its units, of h, m, s and ms: "1h30m". A day is "24h".`)
		return bad(at)
	}
	return c.made(span, at, always(length), args...)
}

func (c *checker) date(args []node, at hcl.Range) node {
	zone, ok := c.zone(args[1])
	if !ok {
		return bad(at)
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if when, err := time.ParseInLocation(layout, valueOf[string](args[0]), zone); err == nil {
			return c.made(instant, at, always(when), args...)
		}
	}
	c.mistake(args[0].at, badDate, `A date is written "2026-01-31", "2026-01-31T18:00" or "2026-01-31T18:00:00".`)
	return bad(at)
}

// zone is the time zone that a constant names.
func (c *checker) zone(n node) (*time.Location, bool) {
	name := valueOf[string](n)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		c.mistake(n.at, badZone, `A time zone is "UTC", or a name of the IANA database: "Europe/Berlin".`)
		return nil, false
	}
	return zone, true
}

func (c *checker) timeOfDay(args []node, at hcl.Range) node {
	from, fromFits := c.minute(args[0])
	until, untilFits := c.minute(args[1])
	zone, zoneFits := c.zone(args[2])
	if !fromFits || !untilFits || !zoneFits {
		return bad(at)
	}
	if from == until {
		c.mistake(args[1].at, badTime, "This is when it begins. Leave time_of_day out for the whole day.")
		return bad(at)
	}
	return node{kind: boolean, at: at, run: eval[bool](func(f *frame) (bool, bool) {
		hour, minute, _ := f.in.Now.In(zone).Clock()
		now := hour*60 + minute
		inside := from <= now && now < until
		if until < from { // past midnight
			inside = from <= now || now < until
		}
		return inside, !f.in.Now.IsZero()
	})}
}

// minute is the minute of the day that a constant names.
func (c *checker) minute(n node) (int, bool) {
	at, err := time.Parse("15:04", valueOf[string](n))
	if err != nil {
		c.mistake(n.at, badTime, `A time of day is written from "00:00" to "23:59".`)
		return 0, false
	}
	return at.Hour()*60 + at.Minute(), true
}

func (c *checker) weekday(args []node, at hcl.Range) node {
	days, daysFit := parseDays(valueOf[string](args[0]))
	zone, zoneFits := c.zone(args[1])
	if !daysFit {
		c.mistake(args[0].at, badDay, `Days are sun, mon, tue, wed, thu, fri and sat, as in "mon-fri, sun".`)
	}
	if !daysFit || !zoneFits {
		return bad(at)
	}
	return node{kind: boolean, at: at, run: eval[bool](func(f *frame) (bool, bool) {
		return days[f.in.Now.In(zone).Weekday()], !f.in.Now.IsZero()
	})}
}

// parseDays reads days and ranges of days, which may go over the week's end, with commas between them.
func parseDays(written string) (days [7]bool, ok bool) {
	for part := range strings.SplitSeq(written, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, until := dayOf(first), dayOf(last)
		if from < 0 || until < 0 {
			return days, false
		}
		days[until] = true
		for day := from; day != until; day = (day + 1) % 7 {
			days[day] = true
		}
	}
	return days, true
}

// dayOf is the day of the week, from Sunday, which is 0; -1: it is none.
func dayOf(name string) int {
	return slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, strings.ToLower(strings.TrimSpace(name)))
}
