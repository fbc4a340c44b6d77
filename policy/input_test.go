package policy

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// wholeInput has all that an Input can have.
func wholeInput() *Input {
	now := time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)
	claims := map[string]any{"a": []any{"x", 1.5, true, nil, map[string]any{"<": "\u2028\"\\\n"}}, "n": -1e300}
	return &Input{
		Authenticated: true,
		User:          User{"u1", "a@example.com", true, "Alice", []string{"a", "b"}, claims, "corp"},
		Session:       Session{"s1", now, now.Add(-time.Hour), "phr", []string{}, "corp", "d1"},
		Request: Request{
			"GET", "h", "/p", "a=b", Headers{"Accept": "x"}, netip.MustParseAddr("fe80::1%eth0"), "https", "curl", true, true,
		},
		Certificate: Certificate{true, true, "f", "s", "CN=a", "CN=b", []string{"a"}, []string{"b"}, []string{"c"}},
		Workload:    Workload{"i", "s", claims},
		Service:     Service{"s1", "backup"},
		Data:        NewData(map[string]map[string]any{"oncall": {"a": true}, "none": {}}),
		Now:         now,
	}
}

// TestEveryFactOfAnInputIsWrittenDown fails when Input has a field that the table of facts has not.
func TestEveryFactOfAnInputIsWrittenDown(t *testing.T) {
	whole := wholeInput()
	noneEmpty(t, "Input", reflect.ValueOf(*whole))
	written, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseInput(written)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, whole) {
		t.Errorf("it is read as %+v, want %+v", read, whole)
	}
}

func noneEmpty(t *testing.T, name string, of reflect.Value) {
	t.Helper()
	for i := range of.NumField() {
		field := name + "." + of.Type().Field(i).Name
		if of.Field(i).IsZero() {
			t.Errorf("%s is empty", field)
		}
		if of.Field(i).Kind() == reflect.Struct && of.Field(i).Type().PkgPath() == of.Type().PkgPath() {
			noneEmpty(t, field, of.Field(i))
		}
	}
}

// readByHand reads an Input as ParseInput does what it cannot scan.
func readByHand(source []byte) (*Input, error) {
	var values map[string]any
	if err := json.Unmarshal(source, &values); err != nil {
		return nil, err
	}
	return NewInput(values, time.Time{})
}

// FuzzInput holds that an Input that was read is written as what is read as the same, and that what is scanned is what
// encoding/json reads.
func FuzzInput(f *testing.F) {
	written, err := json.Marshal(wholeInput())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(written)
	for _, path := range glued(f, "testdata/stories/*.txtar") {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".json") {
				f.Add(bytes.Replace(file.Data, []byte(`"policy"`), []byte(`"policy_"`), 1))
			}
		}
	}
	for _, odd := range []string{
		`{"now": "9999-12-31T23:59:59-12:00"}`, `{"now": "0001-01-01T00:00:00Z"}`, `{"certificate": {}, "user": null, "data": {}}`,
		`{"certificate": {"present": false, "subject": "x"}}`, `{"session": {"age": "2540400h10m10s"}, "now": "0000-01-01T00:00:00Z"}`,
		`{"user": {"groups": []}, "request": {"headers": {}, "ip": "::ffff:1.2.3.4%\u0000"}, "data": {"a": {"b": null}}}`, `null`, `[]`,
	} {
		f.Add([]byte(odd))
	}
	for _, odd := range []string{
		`{"authenticated":true,"user":{"claims":{"a":[-0,0.5,-12.25,01]}}}`, `{"authenticated":true,"user":{"claims":{"a":1e3,"b":.5,"c":1.}}}`,
		`{"authenticated":true,"user":{"claims":{"a":}}}`, `{"authenticated":true,"user":{"claims":{"a":nul}}}`, `{"authenticated":true,"now":"-1m"}`,
		`{"authenticated":true,"request":{"headers":{"accept":"x","Accept":"y"},"ip":"10"}}`, `{"authenticated":true,"user":{"groups":["a""b"]}}`,
		`{"authenticated":true,"user":{"id":"a\u0041"}}`, "{\"authenticated\":true,\"user\":{\"id\":\"a\xff\n\"}}", `{"authenticated":true,"user":{"id":"a`,
		`{"authenticated":true,"user":{},"user":{}}`, `{"authenticated":true,"certificate":{"valid":true}}`, `{"authenticated":true}}`, `{"authenticated":fals}`,
		`{"authenticated":true,"user":{"claims":{"a":`, `{"authenticated":true,"request":{"query":"a=1\u0026b=\"\ud83d\ude00\ud800"}}`,
		`{"authenticated":true,"user":{"id":"\x"}}`, `{"authenticated":true,"user":{"id":"a\`,
		`{"authenticated":true,"user":{"claims":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}}`,
	} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		scanned, ok := scanInput(string(source))
		read, err := readByHand(source)
		if ok && (err != nil || !reflect.DeepEqual(scanned, read)) {
			t.Errorf("%s is scanned as %+v, and read as %+v (%v)", source, scanned, read, err)
		}
		if err != nil {
			return
		}
		written, err := json.Marshal(read)
		if err != nil {
			t.Fatalf("%s is written as what is no JSON: %s", source, err)
		}
		again, err := ParseInput(written)
		if byHand, _ := readByHand(written); !reflect.DeepEqual(byHand, again) {
			t.Errorf("%s is scanned as %+v, and read as %+v", written, again, byHand)
		}
		if err != nil || !reflect.DeepEqual(read, again) {
			t.Errorf("%s is read as %+v, written as %s, and read as %+v (%v)", source, read, written, again, err)
		}
	})
}

// FuzzRecord holds that what is decided of what was kept is what was decided; and that no secret is kept.
func FuzzRecord(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		set := mustLoad(t, policyOf(rules))
		record := set.AppendRecord([]byte("x"), in, "p", "unknown")
		kept, err := ParseInput(record[1:])
		if err != nil {
			t.Fatalf("%s: %s", record, err)
		}
		if before, after := set.Evaluate("p", in), set.Evaluate("p", kept); Compare(before, after) != Same || before.Rule != after.Rule {
			t.Errorf("%s: %s is decided, and %s of %s", rules, before, after, record)
		}
	})
}

func TestRecordKeepsWhatIsAskedForAlone(t *testing.T) {
	set := mustLoad(t, `
		policy "p" {
			allow "a" {
				when = (has(data.oncall, user.email) && data.roster["x"] == 1 && present(data.oncall[request.query["who"]]) &&
					request.headers["accept"] == "x" && request.headers["authorization"] == "x" && request.query["access_token"] == "x")
			}
			deny "b" { when = has([for g in user.groups : g if has(data.oncall, g)], "x") }
		}
		policy "q" {
			allow "a" { when = has(data.oncall, user.email) && has(data.oncall, user.name) }
			deny "b" { when = request.query["mode"] == env("OFFICE") }
		}
		policy "r" {
			allow "a" { when = request.query[user.name] == "x" }
		}
	`)
	in := &Input{
		User: User{Email: "a@example.com"},
		Request: Request{
			Query:  "who=x&&other=1&%61ccess_token=y&mode=z",
			Header: Headers{"Accept": "text/html", "Authorization": "Bearer y", "Cookie": "y"},
		},
		Data: NewData(map[string]map[string]any{"oncall": {"a@example.com": true, "other": 2.0}, "roster": {"x": 1.0, "y": 2.0}, "unread": {"x": 1.0}}),
	}
	const headers = `"headers":{"Accept":"text/html","Authorization":"hidden"}`
	for names, want := range map[string]string{
		"p": `"oncall":{"a@example.com":true,"other":2},"roster":{"x":1}`,
		"q": `"oncall":{"a@example.com":true}`,
		"r": ``,
	} {
		want := `{"authenticated":false,"data":{` + want + `},"user":{"email":"a@example.com"},` +
			`"request":{"query":"who=x&other=1&%61ccess_token=hidden&mode=hidden",` + headers + `}}`
		if got := string(set.AppendRecord(nil, in, names)); got != want {
			t.Errorf("of %s it keeps\n%s, want\n%s", names, got, want)
		}
	}
	if want := []string{"Accept", "Authorization"}; !reflect.DeepEqual(set.Headers(), want) {
		t.Errorf("headers are %q, want %q", set.Headers(), want)
	}
}

func TestRecordOfAQueryThatIsUnclearIsUnclear(t *testing.T) {
	set := mustLoad(t, `policy "p" {
		allow "a" { when = request.query["a"] == "x" }
	}`)
	for query, want := range map[string]string{"b=1;a=2": ";", "%=1&a=2&b=3": "%=1&a=2", "b=3": "", "a=%": "a=%"} {
		in := &Input{Request: Request{Query: query}}
		kept, err := ParseInput(set.AppendRecord(nil, in, "p"))
		if err != nil || kept.Request.Query != want {
			t.Errorf("of %s it keeps %s (%v), want %s", query, kept.Request.Query, err, want)
		}
	}
}

func TestRecordOfNobodyKeepsNothing(t *testing.T) {
	in := wholeInput()
	if kept := string((*Set)(nil).AppendRecord(nil, in, "p")); strings.Contains(kept, "headers") || strings.Contains(kept, "oncall") {
		t.Errorf("it keeps %s", kept)
	}
	if (*Set)(nil).Headers() != nil {
		t.Error("the nil Set reads headers")
	}
}

func TestMistakesOfAnInputAreToldAtOnce(t *testing.T) {
	_, err := ParseInput([]byte(`{"usr": {}, "user": {"emial": "x", "groups": [1]}, "request": {"headers": {"a": 1}}, "session": {"age": "1h"}, "data": {"x": 1}}`))
	want := strings.Join([]string{
		`reading input: data.x: These are values by key: {"a@example.com": true}.`,
		`user.groups: It has to be a list of texts.`,
		`user.emial: There is no such fact. Did you mean user.email?`,
		`session.age: This is before now, and now is not given, or too early.`,
		`request.headers.a: It has to be a text.`,
		`usr: There is no such fact. Did you mean user?`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("it tells\n%v, want\n%s", err, want)
	}
	if _, err := ParseInput([]byte(`{`)); err == nil {
		t.Error("what is no JSON is read")
	}
	if _, err := ParseInput([]byte(`{"session": {"begun": "-1h"}}`)); err == nil {
		t.Error("a time before now is read, and there is no now")
	}
}

func TestNewInputTakesTheNowThatItIsGiven(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in, err := NewInput(map[string]any{"session": map[string]any{"age": "1h"}}, now)
	if err != nil || !in.Now.Equal(now) || !in.Session.Begun.Equal(now.Add(-time.Hour)) {
		t.Errorf("it is %+v (%v)", in, err)
	}
	in, err = NewInput(map[string]any{"now": "2026-02-02T03:04:05Z", "session": map[string]any{"begun": "-1h"}}, now)
	if err != nil || in.Session.Begun.Month() != time.February {
		t.Errorf("it is %+v (%v)", in, err)
	}
}

func TestWhatJSONCannotSayIsNull(t *testing.T) {
	in := &Input{User: User{Claims: map[string]any{"a": math.NaN(), "b": math.Inf(1), "c": 7}}, Now: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if want, got := `{"authenticated":false,"user":{"claims":{"a":null,"b":null,"c":null}}}`, string(in.AppendJSON(nil)); got != want {
		t.Errorf("it is written %s, want %s", got, want)
	}
	if got := asJSON(math.NaN()); got != "null" {
		t.Errorf("it is explained as %s", got)
	}
}

func TestFieldsOfAnotherKindAreNotWritten(t *testing.T) {
	in := &Input{Request: Request{Header: headers{"Accept": {"x"}}}}
	if want, got := `{"authenticated":false,"request":{"headers":{}}}`, string(in.AppendJSON(nil)); got != want {
		t.Errorf("it is written %s, want %s", got, want)
	}
}

func TestHeadersAreFoundInAnyCase(t *testing.T) {
	in, err := ParseInput([]byte(`{"request": {"headers": {"x-kEY": "v"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if value, ok := in.Request.Header.Field("X-KEY"); value != "v" || !ok {
		t.Errorf("it is %q, %t", value, ok)
	}
}

func TestDataNeverChanges(t *testing.T) {
	blocks := map[string]map[string]any{"oncall": {"a": true}, "none": nil}
	data := NewData(blocks)
	delete(blocks, "oncall")
	if data.Block("oncall")["a"] != true || data.Block("none") != nil || !reflect.DeepEqual(data.Names(), []string{"oncall"}) {
		t.Errorf("it is %+v", data)
	}
	set := mustLoad(t, `policy "p" {
		allow "a" { when = has(data.roster, "x") }
	}`)
	if kept := string(set.AppendRecord(nil, &Input{Data: data}, "p")); kept != `{"authenticated":false,"data":{}}` {
		t.Errorf("of a block that is unknown it keeps %s", kept)
	}
	if (*Data)(nil).Block("a") != nil || (*Data)(nil).Names() != nil {
		t.Error("the nil Data holds something")
	}
}

func TestDataBlocksAreThoseOfTheConfiguration(t *testing.T) {
	blocks, _ := parse(`policy "p" {
		allow "a" { when = present(data.people) }
	}`)
	for want, known := range map[string][]string{
		`There is no data block people. Write data "oncall" {} in the configuration, and data.oncall here.`: nil,
		`There is no data block people. Known are oncall.`:                                                  {"oncall"},
	} {
		if _, diags := Load(blocks, Options{Data: known}); len(diags) != 1 || diags[0].Detail != want {
			t.Errorf("beside %q it tells %s, want %s", known, diags, want)
		}
	}
}
