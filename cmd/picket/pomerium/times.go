package pomerium

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// decimal is a number as the language writes it.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$`)

// date is after one instant, before another, or both.
func (r *reader) date(c written) formula {
	if c.value.kind != mapping || len(c.value.entries) == 0 {
		return r.lost(c, "it is written with after and before", false)
	}
	whole := junction{all: true}
	for _, e := range c.value.entries {
		operator := map[string]string{"after": ">", "before": "<"}[e.key]
		when, ok := instant(e.value)
		if operator == "" || !ok {
			return r.lost(c, "it is written with after and before, and dates such as 2026-01-31T18:00:00", false)
		}
		whole.parts = append(whole.parts, test{holds: compare("now", operator, call("date", quote(when), `"UTC"`).text)})
	}
	r.ledger.keep(c.line, c.name)
	return whole
}

// instant is a date of ISO 8601 as picket reads it.
func instant(v value) (string, bool) {
	if v.kind != scalar {
		return "", false
	}
	written := strings.Replace(strings.TrimSpace(v.text), " ", "T", 1)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		when, err := time.Parse(layout, written)
		if err != nil || when.Nanosecond() != 0 {
			continue
		}
		if strings.HasSuffix(layout, "Z07:00") {
			return when.Format(time.RFC3339), true
		}
		return when.Format(layout), true
	}
	return "", false
}

// dayOfWeek is days, or a range of them.
func (r *reader) dayOfWeek(c written) formula {
	days, ok := days(c.value.text)
	if c.value.kind != scalar || !ok {
		return r.lost(c, "days are written *, mon,wed,fri or mon-fri", false)
	}
	r.ledger.keep(c.line, c.name)
	if days == "" {
		return fact(true)
	}
	r.ledger.tell(c.line, c.name, "the day is that of UTC, as Pomerium has it")
	return test{holds: call("weekday", quote(days), `"UTC"`)}
}

// days writes days and ranges of them as picket does; "" for all.
func days(written string) (string, bool) {
	if strings.TrimSpace(written) == "*" {
		return "", true
	}
	var parts []string
	for part := range strings.SplitSeq(written, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, fromFits := day(first)
		until, untilFits := day(last)
		switch {
		case !fromFits || isRange && !untilFits:
			return "", false
		case isRange:
			parts = append(parts, from+"-"+until)
		default:
			parts = append(parts, from)
		}
	}
	return strings.Join(parts, ", "), true
}

// day is a day of the week in three letters.
func day(name string) (string, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	for d := time.Sunday; d <= time.Saturday; d++ {
		full := strings.ToLower(d.String())
		if name == full || name == full[:3] {
			return full[:3], true
		}
	}
	return "", false
}

// timeOfDay is after one time, before another, or both, never past midnight.
func (r *reader) timeOfDay(c written) formula {
	var after, before *clock
	zone := ""
	for _, e := range c.value.entries {
		at, ok := clockOf(e.value)
		switch {
		case e.key == "timezone" && e.value.kind == scalar:
			zone = e.value.text
		case e.key == "after" && ok:
			after = &at
		case e.key == "before" && ok:
			before = &at
		default:
			return r.lost(c, "it is written with timezone, after and before, and times such as 15:04 or 3:04PM", false)
		}
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return r.lost(c, "it needs a time zone that picket knows, such as UTC or Europe/Berlin", false)
	}
	if after == nil && before == nil {
		return r.lost(c, "it says neither after nor before", false)
	}
	r.ledger.keep(c.line, c.name)
	return r.between(c, after, before, zone)
}

// between is the time of day from one minute until before another. Where Pomerium tells seconds, it is a little
// narrower in what admits, and a little wider in what refuses.
func (r *reader) between(c written, after, before *clock, zone string) formula {
	narrow, wide := [2]int{0, minutesOfDay}, [2]int{0, minutesOfDay}
	if after != nil {
		narrow[0], wide[0] = after.up, after.down
	}
	if before != nil {
		narrow[1], wide[1] = before.down, before.up
	}
	if narrow != wide {
		r.ledger.tell(c.line, c.name, "picket tells time by the minute: allow rules begin and end within what was meant, deny rules reach beyond it")
	}
	if wide[0] >= wide[1] {
		r.ledger.tell(c.line, c.name, "it is never true in Pomerium, which does not go past midnight: write two criteria")
		return fact(false)
	}
	return test{holds: span(narrow, zone), wider: span(wide, zone)}
}

const minutesOfDay = 24 * 60

// span is the expression of a time of day in minutes.
func span(between [2]int, zone string) expression {
	switch {
	case between[0] >= between[1]:
		return constant(false)
	case between == [2]int{0, minutesOfDay}:
		return constant(true)
	}
	return call("time_of_day", quote(minute(between[0])), quote(minute(between[1])), quote(zone))
}

func minute(m int) string { return fmt.Sprintf("%02d:%02d", m/60%24, m%60) }

// clock is a time of day, as the minutes around it.
type clock struct{ down, up int }

func clockOf(v value) (clock, bool) {
	if v.kind != scalar {
		return clock{}, false
	}
	for _, layout := range []string{"3:04 PM", "3:04PM", "3 PM", "3PM", "15:04:05", "15:04"} {
		at, err := time.Parse(layout, strings.ToUpper(strings.TrimSpace(v.text)))
		if err != nil {
			continue
		}
		c := clock{down: at.Hour()*60 + at.Minute()}
		c.up = c.down
		if at.Second() != 0 || at.Nanosecond() != 0 {
			c.up++
		}
		return c, true
	}
	return clock{}, false
}
