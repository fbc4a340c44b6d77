//go:build !race

// The race detector makes sync.Pool forget on purpose, so what is asked here has no answer beside it.

package policy

import (
	"testing"
	"time"

	"picket/examples/allocs"
)

func TestEvaluationAllocatesNothing(t *testing.T) {
	for name, source := range map[string]string{"ten": tenRules, "busy": busyRules, "facts": factRules, "many": manyRules(300)} {
		set, in := mustLoad(t, source), benchInput()
		if d := set.Evaluate(name, in); d.Allowed() == (name == "many") {
			t.Fatalf("%s is decided %+v", name, d)
		}
		if n := allocs.Least(0, 100, func() { set.Evaluate(name, in) }); n != 0 {
			t.Errorf("%s allocates %d times", name, n)
		}
	}
}

func TestAskingForMoreAllocatesNothing(t *testing.T) {
	set := mustLoad(t, `policy "p" {
		allow "anyone" { when = true }
		require { acr = ["phr"] }
	}`)
	in := benchInput()
	if d := set.Evaluate("p", in); d.Outcome != StepUp {
		t.Fatalf("it is decided %+v", d)
	}
	if n := allocs.Least(0, 100, func() { set.Evaluate("p", in) }); n != 0 {
		t.Errorf("it allocates %d times", n)
	}
}

func TestWritingARecordAllocatesNothing(t *testing.T) {
	set, in, room := asking(t), benchInput(), make([]byte, 0, 4<<10)
	in.Request.Query, in.User.Name = "who=a%20b&x=1&access_token=y", "Zo\u00eb \"Z\""
	in.Request.Header = Headers{"Accept": "x", "Authorization": "y"}
	if n := allocs.Least(0, 100, func() { set.AppendRecord(room, in, "p", "q") }); n != 0 {
		t.Errorf("it allocates %d times", n)
	}
}

// TestManyRulesCostEachAsMuchAsFew takes the best of several times, as others may be at work on the machine.
func TestManyRulesCostEachAsMuchAsFew(t *testing.T) {
	each := func(rules int) time.Duration {
		set, in := mustLoad(t, manyRules(rules)), benchInput()
		best := time.Hour
		for range 50 {
			begun := time.Now()
			for range 20 {
				set.Evaluate("many", in)
			}
			best = min(best, time.Since(begun)/time.Duration(rules))
		}
		return best
	}
	if few, many := each(100), each(900); many > 4*few {
		t.Errorf("a rule of 100 takes %s, and one of 900 takes %s", few/20, many/20)
	}
}

func TestTemplateAllocatesItsResultOnly(t *testing.T) {
	in := benchInput()
	for source, want := range map[string]uint64{`user.email`: 0, `"x"`: 0, `join(",", user.groups)`: 1, `"Bearer ${lower(user.name)}"`: 1} {
		template := mustTemplate(t, source)
		if n := allocs.Least(want, 100, func() { template.Value(in) }); n > want {
			t.Errorf("%s allocates %d times, want %d", source, n, want)
		}
	}
}
