package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

func TestATableIsAlignedAndColouredOnlyWhereWanted(t *testing.T) {
	list := table{headings: []string{"NAME", "STATE"}}
	list.add(text("zoë"), cell{"well", green})
	list.add(text("b\n\x1b\u202exx"), text("-"))
	for colour, want := range map[bool]string{
		false: "NAME    STATE\nzoë     well\nb???xx  -\n",
		true:  "\x1b[2mNAME\x1b[0m    \x1b[2mSTATE\x1b[0m\nzoë     \x1b[32mwell\x1b[0m\nb???xx  -\n",
	} {
		var out bytes.Buffer
		list.print(&out, colour)
		if out.String() != want {
			t.Errorf("colour %t: got\n%q, want\n%q", colour, out.String(), want)
		}
	}
}

func TestAgeIsSaidInItsTwoLargestUnits(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		-time.Second: "0s", 5 * time.Second: "5s", 61 * time.Second: "1m1s", 26 * time.Hour: "1d2h", 3*time.Hour + 4*time.Minute: "3h4m",
	} {
		if got := age(now.Add(-ago), now); got != want {
			t.Errorf("%s is %q, want %q", ago, got, want)
		}
	}
	if got := age(time.Time{}, now); got != "-" {
		t.Errorf("no time at all is %q", got)
	}
}

func TestTheLogIsWrittenAsItsConfigurationSays(t *testing.T) {
	var out bytes.Buffer
	log := newLog(&out, config.Telemetry{LogLevel: "warn", LogFormat: "json"}, false)
	log.Info().Msg("quiet")
	log.Warn().Str("route", "wiki").Msg("loud")
	var line struct{ Level, Time, Route, Message string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if _, err := time.Parse(logTime, line.Time); err != nil || line.Level != "warn" || line.Route != "wiki" || line.Message != "loud" {
		t.Errorf("got %+v (%v)", line, err)
	}

	out.Reset()
	log = newLog(&out, config.Telemetry{LogFormat: "console"}, false)
	log.Info().Str("route", "wiki").Msg("told")
	if got := out.String(); !strings.Contains(got, "INF told route=wiki") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}
