package policy

import "fmt"

// maxTurns is how many turns of a for expression are explained.
const maxTurns = 32

// loop explains a for expression: what it goes through, and each turn with its item. Depth is its place in frame.loops.
func (e *explainer) loop(steps []step, parts []int, depth int, hides bool) []ExplainedCondition {
	through := parts[0]
	explained := []ExplainedCondition{e.condition(steps, through, hides)}
	turns := turnsOf(steps[through], e.frame)
	for i, turn := range turns[:min(len(turns), maxTurns)] {
		e.frame.loops[depth] = turn
		item := asJSON(turn.text)
		if steps[through].kind == dynamic {
			item = asJSON(turn.value)
		}
		explained = append(explained, e.turn(steps, parts[1:], i, item, hides))
	}
	return explained
}

// turn explains one turn of a for expression.
func (e *explainer) turn(steps []step, parts []int, i int, item string, hides bool) ExplainedCondition {
	explained := ExplainedCondition{
		Text: fmt.Sprintf("[%d]", i), Source: e.place(steps[parts[0]].at), Type: "an item", Known: true, Hidden: hides,
	}
	if !hides {
		explained.Value = item
	}
	for _, part := range parts {
		explained.Parts = append(explained.Parts, e.condition(steps, part, hides))
	}
	return explained
}

// turnsOf are the turns of a for expression through the value of a step; none when that is no list.
func turnsOf(through step, f *frame) []loop {
	var turns []loop
	if items, ok := through.run.(eval[[]string]); ok {
		all, _ := items(f)
		for i, item := range all {
			turns = append(turns, loop{text: item, index: i})
		}
		return turns
	}
	value, _ := through.run.(eval[any])(f)
	items, _ := value.([]any)
	for i, item := range items {
		turns = append(turns, loop{value: item, index: i})
	}
	return turns
}
