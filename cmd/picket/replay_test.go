package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"picket/node/config"
)

// replayed is a configuration that refuses interns what they may do, and has no route "old".
const replayed = `
cluster {
  name    = "corp"
  secrets = ["0123456789abcdef0123456789abcdef"]
  broker {
    node = "n1"
  }
}

listen "http" {
  address = "127.0.0.1:8080"
}

authenticate {
  url = "http://auth.localhost:8080"
}

identity "corp" {
  kind          = "oidc"
  issuer        = "https://idp.example.com"
  client_id     = "picket"
  client_secret = "shh"
}

data "oncall" {}

policy "staff" {
  allow "employee" { when = user.email_domain == "example.com" }
  deny "intern" { when = in_group("interns") }
}

policy "office" {
  include = [policy.staff]
  allow "inside" { when = in_cidr(request.ip, ["10.0.0.0/8"]) && glob(request.path, "/docs/**") }
  allow "on call" { when = has(data.oncall, user.email) || request.headers["X-Break-Glass"] == "yes" }
}

route "wiki" {
  from   = "http://wiki.localhost:8080"
  to     = ["http://127.0.0.1:8081"]
  policy = [policy.staff, policy.office]
}
`

func loadReplayed(t testing.TB) *config.Config {
	path := filepath.Join(t.TempDir(), "new.hcl")
	if err := os.WriteFile(path, []byte(replayed), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, problems := config.Load(path)
	if problems.Failed() {
		t.Fatal(problems)
	}
	return conf
}

// recorded are n decisions of the kind that a node records. Of twenty, one is of an intern who was admitted, and one of
// somebody who was refused for not being on call.
func recordedDecisions(n int) []byte {
	var b bytes.Buffer
	at := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	for i := range n {
		group, outcome, by := "staff", "allow", `"rule":"employee"`
		switch i % 20 {
		case 7:
			group = "interns"
		case 13:
			outcome, by = "deny", `"rule":"not on call","message":"Ask whoever is."`
		}
		now := at.Add(time.Duration(i) * 100 * time.Millisecond).Format(time.RFC3339Nano)
		fmt.Fprintf(&b, `{"at":%q,"node":"n%d","request_id":"r%d","route":"wiki","policies":["staff"],"access":"policy",`+
			`"decision":{"outcome":%q,"policy":"staff",%s},"input":{"authenticated":true,"now":%q,`+
			`"user":{"id":"u%d","email":"user%d@example.com","email_verified":true,"name":"User Number %d","groups":["all",%q,"g%d"],`+
			`"claims":{"department":"docs","level":%d,"roles":["reader","writer"]},"identity":"corp"},`+
			`"session":{"id":"s%d","begun":"2026-09-01T07:00:00Z","authenticated":"2026-09-01T07:00:00Z","acr":"phr","amr":["mfa","hwk"],"identity":"corp"},`+
			`"request":{"method":"GET","host":"wiki.localhost","path":"/docs/page/%d","ip":"10.1.%d.%d","scheme":"http","user_agent":"Mozilla/5.0 (X11; Linux x86_64)"}}}`+"\n",
			now, i%3, i, outcome, by, now, i%200, i%200, i%200, group, i%7, i%5, i%400, i%1000, i/250%250, i%250)
	}
	return b.Bytes()
}

func replayAll(t testing.TB, records io.Reader) *replayReport {
	report, err := newReplay(loadReplayed(t), time.Time{}).run(context.Background(), records, func(int, bool) {})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestReplayCountsEachDecisionOnceWhereverItIsCut(t *testing.T) {
	records := recordedDecisions(4000)
	for name, in := range map[string]io.Reader{
		"at once":         bytes.NewReader(records),
		"in halves":       iotest.HalfReader(bytes.NewReader(records)),
		"without its end": bytes.NewReader(bytes.TrimSpace(records)),
	} {
		r := replayAll(t, in)
		lost, gained := 0, 0
		for _, c := range r.Loses {
			lost += c.Times
			if c.After.Rule != "intern" || c.Before.Rule != "employee" || c.First.After(c.Last) {
				t.Errorf("%s: got %+v", name, c)
			}
		}
		for _, c := range r.Gains {
			gained += c.Times
		}
		if r.Decisions != 4000 || r.Same != 3600 || lost != 200 || gained != 200 || len(r.Loses) != 10 || len(r.Gains) != 10 {
			t.Errorf("%s: %d decisions, %d same, %d lost by %d, %d gained by %d", name, r.Decisions, r.Same, lost, len(r.Loses), gained, len(r.Gains))
		}
	}
}

func TestReplayShowsTheFirstOfEachGroup(t *testing.T) {
	r := replayAll(t, bytes.NewReader(recordedDecisions(4000)))
	for _, c := range r.Loses {
		if !strings.Contains(string(c.Example), c.User) || !strings.Contains(string(c.Example), c.First.Format(time.RFC3339Nano)) {
			t.Errorf("%s at %s has the example %s", c.User, c.First, c.Example)
		}
	}
}

func TestReplaySaysWhatRecordsDoNotHold(t *testing.T) {
	r := replayAll(t, bytes.NewReader(recordedDecisions(20)))
	if got := strings.Join(r.Notes, "\n"); !strings.Contains(got, "X-Break-Glass") || !strings.Contains(got, "data.oncall") {
		t.Errorf("got %q", got)
	}
	seen := strings.Replace(string(recordedDecisions(20)), `"scheme":"http"`, `"scheme":"http","headers":{"X-Break-Glass":"no"}`, 1)
	seen = strings.Replace(seen, `"authenticated":true`, `"authenticated":true,"data":{"oncall":{}}`, 1)
	if r := replayAll(t, strings.NewReader(seen)); len(r.Notes) != 0 {
		t.Errorf("got %q", r.Notes)
	}
}

func TestReplayGoesOnBehindARecordThatCannotBeRead(t *testing.T) {
	lines := strings.SplitAfter(string(recordedDecisions(3)), "\n")
	lines[1] = "{\"at\": \n"
	r := replayAll(t, strings.NewReader(strings.Join(lines, "")+"{}\n"))
	if r.Decisions != 2 || r.Unreadable != 2 || len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "2 records could not be read; the first is line 2: ") {
		t.Errorf("got %+v", r)
	}
}

func TestReplayFailsWhenTheRecordsBreakOff(t *testing.T) {
	broken := io.MultiReader(bytes.NewReader(recordedDecisions(3)), iotest.ErrReader(io.ErrUnexpectedEOF))
	_, err := newReplay(loadReplayed(t), time.Time{}).run(context.Background(), broken, func(int, bool) {})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	_, err = newReplay(loadReplayed(t), time.Time{}).run(context.Background(), strings.NewReader("nothing\n"), func(int, bool) {})
	if err == nil {
		t.Error("what holds no record at all is read")
	}
}

// FuzzPieces holds that nothing is lost or cut within a line, and that each piece knows the number of its first line.
func FuzzPieces(f *testing.F) {
	f.Add("one\ntwo\n\nfour", 3)
	f.Add("\n\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		read := ""
		err := pieces(strings.NewReader(text), max(1, size%64), func(p piece) error {
			if read != "" && !strings.HasSuffix(read, "\n") {
				t.Errorf("%q is cut within a line", read)
			}
			if want := strings.Count(read, "\n") + 1; p.first != want {
				t.Errorf("a piece begins with line %d, want %d", p.first, want)
			}
			read += string(p.text)
			return nil
		})
		if err != nil || read != text {
			t.Errorf("read %q of %q (%v)", read, text, err)
		}
	})
}

func TestProgressIsToldOnATerminalAloneAndTakenAwayAgain(t *testing.T) {
	var out bytes.Buffer
	tell := terminal{err: &out, width: 80}.progress()
	tell(120_000, false)
	tell(120_001, false) // too soon
	if got := out.String(); strings.TrimSpace(got) != "120,000 decisions read" {
		t.Errorf("got %q", got)
	}
	tell(0, true)
	if got := out.String(); !strings.HasSuffix(got, " \r") {
		t.Errorf("got %q", got)
	}
	out.Reset()
	tell = terminal{err: &out}.progress()
	tell(1, false)
	tell(1, true)
	if out.Len() > 0 {
		t.Errorf("got %q", out.String())
	}
}

func TestSinceIsADurationOrAnInstant(t *testing.T) {
	now := time.Date(2026, 9, 8, 12, 0, 0, 0, time.UTC)
	for written, want := range map[string]time.Time{
		"": {}, "90m": now.Add(-90 * time.Minute), "7d": now.AddDate(0, 0, -7), "0s": now, "2026-09-01T12:00:00+02:00": now.AddDate(0, 0, -7).Add(-2 * time.Hour),
	} {
		if got, err := sinceWhen(written, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s (%v), want %s", written, got, err, want)
		}
	}
	for _, written := range []string{"-1h", "d", "-7d", "yesterday", "99999d"} {
		if got, err := sinceWhen(written, now); err == nil {
			t.Errorf("%q is %s", written, got)
		}
	}
}

// BenchmarkReplay is about 100,000 decisions.
func BenchmarkReplay(b *testing.B) {
	records, conf := recordedDecisions(100_000), loadReplayed(b)
	b.SetBytes(int64(len(records)))
	for b.Loop() {
		report, err := newReplay(conf, time.Time{}).run(b.Context(), bytes.NewReader(records), func(int, bool) {})
		if err != nil || report.Decisions != 100_000 {
			b.Fatalf("got %+v (%v)", report, err)
		}
	}
}
