package policy

import (
	"reflect"
	"strings"
	"testing"
)

const unreadableFacts = `
policy "open" {
  allow "anyone" { when = true }
  deny "suspended" { when = %s }
}
`

func TestWhatIsUnreadableIsUnknownEvenToHas(t *testing.T) {
	data := NewData(map[string]map[string]any{"oncall": {"bob": Unreadable{}, "alice": true}})
	for condition, want := range map[string][2]Outcome{ // of alice, whose fact is readable, of bob, and of carol below
		`has(data.oncall, user.id)`:                                {Deny, Deny},
		`present(data.oncall[user.id])`:                            {Deny, Deny},
		`coalesce(data.oncall[user.id], false) == true`:            {Deny, Deny},
		`coalesce(has(data.oncall, user.id), false)`:               {Deny, Deny},
		`!has(data.oncall, user.id)`:                               {Allow, Deny},
		`coalesce(data.oncall[user.id]["since"], "never") == "no"`: {Allow, Deny},
	} {
		set := mustLoad(t, strings.Replace(unreadableFacts, "%s", condition, 1))
		for i, who := range []string{"alice", "bob"} {
			if d := set.Evaluate("open", &Input{User: User{ID: who}, Data: data}); d.Outcome != want[i] {
				t.Errorf("%s of %s: %s", condition, who, d)
			}
		}
	}
	set := mustLoad(t, strings.Replace(unreadableFacts, "%s", `has(data.oncall, user.id)`, 1))
	if d := set.Evaluate("open", &Input{User: User{ID: "carol"}, Data: data}); d.Outcome != Allow {
		t.Errorf("of somebody of whom there is nothing: %s", d)
	}
	explained := set.Explain("open", &Input{User: User{ID: "bob"}, Data: data})
	condition := explained.Policy.Rules[1].Condition
	if condition.Why != "unclear" || !strings.Contains(condition.Parts[0].Value, `"bob":"unreadable"`) {
		t.Errorf("explained as %+v", condition)
	}
}

func TestWhatIsUnreadableIsSoWhenItIsWrittenDown(t *testing.T) {
	in := &Input{Data: NewData(map[string]map[string]any{"oncall": {"bob": Unreadable{}, "ann": Unreadable{}, "alice": true}, "none": {}})}
	written := string(in.AppendJSON(nil))
	if !strings.Contains(written, `"oncall":[{"alice":true},["ann","bob"]]`) {
		t.Errorf("written is %s", written)
	}
	again, err := ParseInput([]byte(written))
	if err != nil || !reflect.DeepEqual(again, in) {
		t.Errorf("read again: %+v, %v", again, err)
	}
	for _, bad := range []string{`[]`, `[{}]`, `[[], []]`, `[{}, {}]`, `[{}, [1]]`, `7`} {
		if _, err := ParseInput([]byte(`{"data": {"oncall": ` + bad + `}}`)); err == nil {
			t.Errorf("%s is taken for a block", bad)
		}
	}
}
