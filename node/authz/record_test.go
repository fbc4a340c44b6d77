package authz

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"picket/node/config"
	"picket/policy"
)

// written is a record as its readers have it.
type written struct {
	At        time.Time       `json:"at"`
	Node      string          `json:"node"`
	RequestID string          `json:"request_id"`
	Route     string          `json:"route"`
	Policies  []string        `json:"policies"`
	Access    string          `json:"access"`
	Decision  policy.Decision `json:"decision"`
	Shadow    []struct {
		Policy   string          `json:"policy"`
		Decision policy.Decision `json:"decision"`
		Change   string          `json:"change"`
	} `json:"shadow"`
	Input json.RawMessage `json:"input"`
}

// recording is an Authz, and where its records go.
func recording(t *testing.T, sample float64) (*Authz, *[]written) {
	t.Helper()
	var all []written
	return New(Options{
		Policies: load(t), Node: "n1", Log: zerolog.Nop(), Sample: sample,
		Records: NewRecords(func(parts [][]byte) {
			var w written
			record := slices.Concat(parts...)
			d := json.NewDecoder(bytes.NewReader(record))
			d.DisallowUnknownFields()
			if err := d.Decode(&w); err != nil {
				t.Errorf("%s: %v", record, err)
			}
			all = append(all, w)
		}, nil),
	}), &all
}

func TestARecordHoldsWhatDecidingAnewTakes(t *testing.T) {
	a, all := recording(t, 1)
	in := signedIn("alice@example.com", "DELETE")
	in.Now = time.Date(2026, time.May, 1, 12, 0, 0, 5000, time.UTC)
	in.Request.Header = policy.Headers{"Authorization": "Bearer secret", "X-Team": "<b>\"ä\"</b>"}
	in.Request.Query = "token=secret&page=1"
	r := &config.Route{Name: "wiki", Policies: []string{"team", "quiet"}, Shadow: []string{"staff", "old", "quiet"}}
	v := a.Decide(r, in)
	a.Record(Asked{RequestID: "id-1", Route: r, Input: in}, v)
	in.Request.Method = "GET" // what is used again afterwards
	if len(*all) != 1 {
		t.Fatalf("%d records", len(*all))
	}
	got := (*all)[0]
	if !got.At.Equal(in.Now) || got.Node != "n1" || got.RequestID != "id-1" || got.Route != "wiki" || got.Access != "policy" ||
		!reflect.DeepEqual(got.Policies, r.Policies) {
		t.Errorf("the record is %+v", got)
	}
	if !reflect.DeepEqual(got.Decision, v.Decision) || got.Decision.Rule != "night" {
		t.Errorf("the decision is %+v, and was %+v", got.Decision, v.Decision)
	}
	if len(got.Shadow) != 1 || got.Shadow[0].Policy != "staff" || got.Shadow[0].Change != "gains" || !got.Shadow[0].Decision.Allowed() {
		t.Errorf("shadows are %+v", got.Shadow)
	}
	if bytes.Contains(got.Input, []byte("secret")) || bytes.Contains(got.Input, []byte("page")) {
		t.Errorf("too much is written down: %s", got.Input)
	}
	again, err := policy.ParseInput(got.Input)
	if err != nil {
		t.Fatal(err)
	}
	if d := a.Evaluate(r, again); !reflect.DeepEqual(d, v.Decision) {
		t.Errorf("decided anew it is %+v", d)
	}
}

func TestARecordOfADecisionThatAsksForMore(t *testing.T) {
	a, all := recording(t, 1)
	r := &config.Route{Name: "wiki", Policies: []string{"strong"}}
	in := signedIn("alice@example.com", "GET")
	v := a.Decide(r, in)
	a.Record(Asked{Route: r, Input: in}, v)
	if got := (*all)[0].Decision; got.Outcome != policy.StepUp || !reflect.DeepEqual(got, v.Decision) {
		t.Errorf("the decision is %v, and was %v", got, v.Decision)
	}
	for access, name := range map[config.Access]string{config.Public: "public", config.AnyUser: "any_user"} {
		*all = nil
		r := &config.Route{Name: "r", Access: access}
		a.Record(Asked{Route: r, Input: in}, a.Decide(r, in))
		if got := (*all)[0]; got.Access != name || got.Policies == nil || got.Decision.Outcome != policy.Allow {
			t.Errorf("of a route for %s: %+v", name, got)
		}
	}
}

func TestRecordsAreSampled(t *testing.T) {
	r, in := route("staff"), signedIn("alice@example.com", "GET")
	for sample, limits := range map[float64][2]int{0: {0, 0}, 0.1: {50, 200}, 1: {1000, 1000}} {
		a, all := recording(t, sample)
		for range 1000 {
			a.Record(Asked{Route: &r, Input: in}, a.Decide(&r, in))
		}
		if n := len(*all); n < limits[0] || n > limits[1] {
			t.Errorf("of a thousand %d are recorded at %v", n, sample)
		}
	}
}

func TestAShadowIsCountedAndChangesNothing(t *testing.T) {
	registry := prometheus.NewRegistry()
	a := New(Options{Policies: load(t), Log: zerolog.Nop(), Registry: registry})
	with, without := route("staff"), route("staff")
	with.Shadow = []string{"quiet", "nobody", "strong"}
	for _, in := range []*policy.Input{
		signedIn("alice@example.com", "GET"), signedIn("alice@example.com", "DELETE"), signedIn("m@evil.test", "GET"), {},
	} {
		if d, v := a.Evaluate(&without, in), a.Decide(&with, in); d != v.Decision {
			t.Errorf("with shadows %v, without %v", v.Decision, d)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "picket_shadow_decisions_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			l := m.GetLabel() // by name: change, policy, route
			counts[l[1].GetValue()+" "+l[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{
		"quiet same": 2, "quiet loses": 1, "quiet gains": 1, "nobody loses": 2, "nobody same": 2, "strong loses": 2, "strong gains": 2,
	}
	if !reflect.DeepEqual(counts, want) {
		t.Errorf("counted were %v, want %v", counts, want)
	}
}

func FuzzRecordedTexts(f *testing.F) {
	f.Add("plain", `"q\"`)
	f.Add("\b\f\n\r\t\x01\x1f", "\x7f<>&\u2028\u2029\xe2\x80\"\\")
	f.Add("<a&b>", "\x00\xff\u2028é")
	for i := range 256 {
		f.Add("seven.."+string([]byte{byte(i)})+"and more", string([]byte{byte(i)})+"|seven!~")
	}
	f.Fuzz(func(t *testing.T, rule, message string) {
		d := policy.Decision{Rule: rule, Message: message}
		want, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendDecision(nil, d); !reflect.DeepEqual(read(t, got), read(t, want)) {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// read is what whoever reads some JSON has of it.
func read(t *testing.T, text []byte) (is any) {
	t.Helper()
	if err := json.Unmarshal(text, &is); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return is
}

// plainRecord is a record as encoding/json writes it.
func plainRecord(t *testing.T, set *policy.Set, asked Asked, v Verdict) string {
	t.Helper()
	var text bytes.Buffer
	plain := json.NewEncoder(&text)
	err := plain.Encode(struct {
		At        string          `json:"at"`
		Node      string          `json:"node"`
		RequestID string          `json:"request_id"`
		Route     string          `json:"route"`
		Policies  []string        `json:"policies"`
		Access    string          `json:"access"`
		Decision  policy.Decision `json:"decision"`
		Shadow    []Shadow        `json:"shadow,omitempty"`
		Input     int             `json:"input"`
	}{
		asked.Input.Now.UTC().Format(time.RFC3339Nano), "n<1>", asked.RequestID, asked.Route.Name, append([]string{}, asked.Route.Policies...),
		accessName(asked.Route.Access), v.Decision, v.Shadow, 0,
	})
	if err != nil {
		t.Fatal(err)
	}
	input := set.AppendRecord(nil, asked.Input, slices.Concat(asked.Route.Policies, asked.Route.Shadow)...)
	return strings.TrimSuffix(text.String(), "0}\n") + string(input) + "}"
}

func TestARecordReadsAsWhatEncodingJSONWrites(t *testing.T) {
	var got string
	set := load(t)
	a := New(Options{Policies: set, Node: "n<1>", Log: zerolog.Nop(), Sample: 1, Records: NewRecords(func(parts [][]byte) { got = string(slices.Concat(parts...)) }, nil)})
	for _, r := range []*config.Route{
		{Name: "wiki", Policies: []string{"team", "quiet"}, Shadow: []string{"staff", "quiet"}}, {Name: "b\"&\u00e4", Policies: []string{"strong"}},
		{Name: "p", Access: config.Public}, {Name: "a", Access: config.AnyUser, Policies: []string{}}, {Name: "none"},
	} {
		for _, in := range []*policy.Input{benchInput(), signedIn("alice@example.com", "DELETE"), signedIn("m@evil.test", "GET"), {}} {
			v := a.Decide(r, in)
			v.Message += "\"<&>\u2028\u00e9\xff"
			asked := Asked{RequestID: "id-1", Route: r, Input: in}
			for range 2 {
				a.Record(asked, v)
				if want := plainRecord(t, set, asked, v); !reflect.DeepEqual(read(t, []byte(got)), read(t, []byte(want))) {
					t.Errorf("the record is\n%s, want\n%s", got, want)
				}
			}
		}
	}
}

// benchInput is a request of somebody with all that one usually has.
func benchInput() *policy.Input {
	in := signedIn("alice@example.com", "GET")
	in.Now = time.Date(2026, time.May, 1, 12, 0, 0, 123456789, time.UTC)
	in.User.Name, in.User.Groups, in.User.Identity = "Alice", []string{"staff", "admins", "sre"}, "corp"
	in.User.Claims = map[string]any{"locale": "en", "department": "engineering", "level": 3.0}
	in.Session = policy.Session{ID: "0123456789abcdefghijkl", Begun: in.Now, Authenticated: in.Now, ACR: "phr", AMR: []string{"pwd", "mfa"}, Identity: "corp"}
	in.Request.Host, in.Request.Path, in.Request.UserAgent = "wiki.example.com", "/docs/team/page", "Mozilla/5.0 (X11; Linux x86_64)"
	return in
}

func BenchmarkRecord(b *testing.B) {
	r, in := route("staff", "quiet"), benchInput()
	a := New(Options{Policies: load(b), Log: zerolog.Nop(), Sample: 1, Records: NewRecords(func([][]byte) {}, func() {})})
	v := a.Decide(&r, in)
	b.ReportAllocs()
	for b.Loop() {
		a.Record(Asked{RequestID: "0123456789abcdef0123456789abcdef", Route: &r, Input: in}, v)
	}
}
