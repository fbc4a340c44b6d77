package broker

import "testing"

func TestWhoIsWaitedForBeforeAClusterBegins(t *testing.T) {
	asks, runs, led := membership{}, membership{Runs: true}, membership{Runs: true, History: true}
	peers := []Peer{{"a", "a:1"}, {"b", "b:1"}, {"c", "c:1"}}
	type said = map[string]membership
	for what, c := range map[string]struct {
		node   string
		rounds []said
		begins bool
	}{
		"nobody is there":                         {"b", []said{{}}, false},
		"one was not met":                         {"b", []said{{"a": asks}}, false},
		"one was not met, and another runs":       {"b", []said{{"c": runs}}, false},
		"both ask":                                {"b", []said{{"a": asks, "c": asks}}, true},
		"both were met, one after the other":      {"b", []said{{"a": asks}, {"c": asks}, {}}, true},
		"the first waits until the others run":    {"a", []said{{"b": asks, "c": asks}}, false},
		"the first, when the others run":          {"a", []said{{"b": asks, "c": runs}, {"b": runs}}, true},
		"one of those who were met has a history": {"b", []said{{"a": asks, "c": asks}, {"c": led}, {}}, false},
	} {
		met, begins := beginning{}, false
		for _, round := range c.rounds {
			begins = met.note(round) && met.lacks(c.node, peers, "") == ""
		}
		if begins != c.begins {
			t.Errorf("%s: begins is %v", what, begins)
		}
	}
}
