package policy

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func FuzzTextsAreWrittenAsCharacterByCharacter(f *testing.F) {
	for _, odd := range []string{"", "plain", "\x00", "\"", "\\", "<&>", "é", "\xff", "\xe2\x80", "a\xe2=\x80\xa8", "\u2028", "\x1f\x20\x7f\x80", strings.Repeat("a", 64) + "\n"} {
		f.Add(odd)
		f.Add("seven.." + odd + "and more")
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got, want := string(AppendText(nil, value)), string(plainText(nil, value)); got != want {
			t.Errorf("it is written %s, want %s", got, want)
		}
		var parts []byte
		for i, part := range strings.Split(value, "&") {
			if i > 0 {
				parts = append(parts, '&')
			}
			parts = appendEscaped(parts, part)
		}
		if got, want := `"`+string(parts)+`"`, string(plainText(nil, value)); got != want {
			t.Errorf("in parts it is written %s, want %s", got, want)
		}
	})
}

func FuzzQueriesAreKeptAsPairByPair(f *testing.F) {
	set := mustLoad(f, `
		policy "p" {
			allow "a" { when = request.query["a"] == "x" && request.query["b c"] == "\"" && request.query["access_token"] == "x" }
		}
	`)
	whole := mustLoad(f, `
		policy "p" {
			allow "a" { when = request.query[user.name] == "x" }
		}
	`)
	for _, odd := range []string{"", "&", "a", "a=1&b=2", "b%20c=\"&b+c=\\", "%61=1&&a", "%=1", "a=\xe2&b=\x80", "a;b", "access_token=1&%61ccess_token=2", "my-secret=1"} {
		f.Add(odd)
	}
	f.Fuzz(func(t *testing.T, query string) {
		in := &Input{Request: Request{Query: query}}
		for _, s := range []*Set{set, whole} {
			if got, want := string(s.AppendRecord(nil, in, "p")), string(s.plainRecord(in, "p")); got != want {
				t.Errorf("it is kept as %s, want %s", got, want)
			}
		}
	})
}

// asking is a set whose policies ask for something of everything that is open-ended.
func asking(t testing.TB) *Set {
	blocks, _ := parse(`
		policy "p" {
			allow "a" {
				when = (has(data.oncall, user.email) && data.roster["x"] == 1 && present(data.oncall[request.query["who"]]) &&
					request.headers["accept"] == "x" && request.headers["authorization"] == "x" && request.query["access_token"] == "x")
			}
			deny "b" { when = data.odd["b"] == 1 || data.odd["a"] == 1 || data.odd[user.name] == 1 }
		}
		policy "q" {
			allow "a" { when = has(data.oncall, user.email) && has(data.oncall, user.name) }
			deny "b" { when = has([for g in user.groups : g if has(data.oncall, g)], "x") }
		}
	`)
	set, diags := Load(blocks, Options{Data: []string{"oncall", "odd", "roster", "unread"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return set
}

// oddInputs are Inputs with some of what an Input can have, at random.
func oddInputs(random *rand.Rand, each func(*Input)) {
	whole := wholeInput()
	whole.Request.Query = "who=a&x=1&access_token=y"
	whole.Request.Header = Headers{"Accept": "\"x\"", "Authorization": "y", "Cookie": "z"}
	whole.Data = NewData(map[string]map[string]any{
		"oncall": {"a@example.com": map[string]any{"b": 1.0}, "a": nil, "Alice": true}, "roster": {"x": 1.0, "y": 2.0}, "unread": {"x": 1.0},
		"odd": {"a": Unreadable{}, "b": 2.0, "Alice": Unreadable{}, "c": Unreadable{}},
	})
	for range 2000 {
		in := *whole
		in.Now = in.Now.Add(time.Duration(random.Int64N(int64(3 * time.Second))))
		if random.IntN(4) == 0 {
			in.Now = in.Now.Truncate([]time.Duration{time.Second, time.Millisecond, time.Microsecond}[random.IntN(3)])
		}
		leaveOut(random, reflect.ValueOf(&in).Elem(), random.IntN(4))
		each(&in)
	}
}

// leaveOut empties some fields: none of four, up to three of four.
func leaveOut(random *rand.Rand, of reflect.Value, some int) {
	for i := range of.NumField() {
		field := of.Field(i)
		if field.Kind() == reflect.Struct && field.Type().PkgPath() == of.Type().PkgPath() && random.IntN(3) > 0 {
			leaveOut(random, field, some)
		} else if random.IntN(4) < some {
			field.SetZero()
		}
	}
}

func TestInputsAndRecordsAreWrittenAsFactByFact(t *testing.T) {
	set, random := asking(t), rand.New(rand.NewPCG(1, 2))
	oddInputs(random, func(in *Input) {
		if got, want := string(in.AppendJSON([]byte("x"))), "x"+string(plainJSON(nil, in)); got != want {
			t.Fatalf("it is written\n%s, want\n%s", got, want)
		}
		names := [][]string{nil, {"p"}, {"q"}, {"p", "q"}, {"unknown", "q", "q"}}[random.IntN(5)]
		for range 2 { // anew, and as what is known
			if got, want := string(set.AppendRecord([]byte("x"), in, names...)), "x"+string(set.plainRecord(in, names...)); got != want {
				t.Fatalf("of %q is kept\n%s, want\n%s", names, got, want)
			}
		}
		if got, want := string((*Set)(nil).AppendRecord(nil, in, names...)), string((*Set)(nil).plainRecord(in, names...)); got != want {
			t.Fatalf("of nobody is kept\n%s, want\n%s", got, want)
		}
	})
}

func TestWhatIsKeptIsWrittenAsTheInputWas(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, set := range []*Set{asking(t), mustLoad(t, `policy "p" {
		allow "a" { when = request.query["who"] == "a" && request.query["access_token"] == "x" }
	}`)} {
		var k Kept
		kept := 0
		oddInputs(random, func(in *Input) {
			if random.IntN(2) == 0 {
				in.Certificate, in.Workload, in.Service = Certificate{}, Workload{}, Service{}
			}
			if random.IntN(4) == 0 {
				in.User, in.Session = User{}, Session{}
			}
			want := string(set.AppendRecord(nil, in))
			if copied := *in; set.Keep(&k, &copied) {
				kept++
				copied = Input{}
				dst, at, caller := set.AppendKept([]byte("x"), &k)
				if got := string(slices.Insert(dst, at, caller...)); got != "x"+want || !k.Now().Equal(in.Now) {
					t.Fatalf("it is written\n%s, want\n%s", got, want)
				}
				k.Forget()
			}
		})
		if kept < 200 {
			t.Errorf("only %d are kept", kept)
		}
	}
}

func TestWhatDependsOnDataIsNotKept(t *testing.T) {
	set := asking(t)
	if set.Keepable("p") || set.Keepable("unknown", "q") || (*Set)(nil).Keepable() {
		t.Error("where data is read it can be kept")
	}
	if set = mustLoad(t, tenRules); !set.Keepable("ten", "unknown") {
		t.Error("where none is read it cannot be kept")
	}
}

// TestWhatChangesOfACallerIsWritten changes each field of a user and a session whose text is known.
func TestWhatChangesOfACallerIsWritten(t *testing.T) {
	whole := wholeInput()
	other := *whole
	other.User = User{"u2", "b@example.com", false, "Bob", []string{"a", "c"}, map[string]any{"a": "y"}, "other"}
	other.Session = Session{"s1", whole.Now.Add(time.Second), whole.Now.Add(time.Minute), "pwd", []string{"x"}, "other", "d2"}
	for _, part := range []string{"User", "Session"} {
		from := reflect.ValueOf(&other).Elem().FieldByName(part)
		for i := range from.NumField() {
			set, in := asking(t), *whole // whose text is not known: the first that is written is kept
			set.AppendRecord(nil, whole)
			reflect.ValueOf(&in).Elem().FieldByName(part).Field(i).Set(from.Field(i))
			if got, want := string(set.AppendRecord(nil, &in)), string(set.plainRecord(&in)); got != want {
				t.Errorf("with another %s.%s is kept\n%s, want\n%s", part, from.Type().Field(i).Name, got, want)
			}
		}
	}
}

func TestCallersThatShareAPlaceAreWrittenApart(t *testing.T) {
	set, in := asking(t), wholeInput()
	for i := range 4 * callerPlaces {
		in.Session.ID = string(appendNumber(nil, float64(i%(2*callerPlaces))))
		if got, want := string(set.AppendRecord(nil, in)), string(set.plainRecord(in)); got != want {
			t.Fatalf("it is kept\n%s, want\n%s", got, want)
		}
	}
	in.User.Name = strings.Repeat("n", 2*callerSize)
	for range 2 {
		if got, want := string(set.AppendRecord(nil, in)), string(set.plainRecord(in)); got != want {
			t.Fatalf("a long one is kept\n%s, want\n%s", got, want)
		}
	}
}

func TestTimesAreWrittenAsTheTimePackageDoes(t *testing.T) {
	set := asking(t)
	begun := time.Date(2026, 3, 4, 23, 59, 58, 999_999_990, time.FixedZone("east", 5*3600))
	for _, when := range []time.Time{
		begun, begun.Add(1), begun.Add(10), begun.Add(time.Second), begun.Truncate(time.Second), begun.Truncate(time.Millisecond), {},
		time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 500, time.UTC), time.Unix(0, 0), time.Now(),
	} {
		want := when.UTC().Format(time.RFC3339Nano)
		for _, s := range []*Set{set, set, nil} {
			if got := string(s.AppendTime(nil, when)); got != want {
				t.Errorf("it is %s, want %s", got, want)
			}
		}
	}
}

func TestManyWriteRecordsAtOnce(t *testing.T) {
	set := asking(t)
	var all sync.WaitGroup
	for who := range 4 {
		all.Go(func() {
			in := *wholeInput()
			for i := range 2000 {
				in.Session.ID = string(appendNumber(nil, float64(i%50)))         // that all use
				in.User.Name = []string{"a", "b", "c", "d"}[(who+i/500)%4]       // which some share, at times
				in.Now = in.Now.Add(time.Duration(i%3) * 400 * time.Millisecond) // each in a second of its own
				if got, want := string(set.AppendRecord(nil, &in, "p")), string(set.plainRecord(&in, "p")); got != want {
					t.Errorf("it is kept\n%s, want\n%s", got, want)
					return
				}
			}
		})
	}
	all.Wait()
}
