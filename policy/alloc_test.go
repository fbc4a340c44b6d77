//go:build !race

// The race detector makes sync.Pool forget on purpose, so what is asked here has no answer beside it.

package policy

import "testing"

func TestEvaluationAllocatesNothing(t *testing.T) {
	for name, source := range map[string]string{"ten": tenRules, "busy": busyRules} {
		set, in := mustLoad(t, source), benchInput()
		if d := set.Evaluate(name, in); !d.Allowed() {
			t.Fatalf("%s is decided %+v", name, d)
		}
		if n := testing.AllocsPerRun(1000, func() { set.Evaluate(name, in) }); n != 0 {
			t.Errorf("%s allocates %g times", name, n)
		}
	}
}

func TestTemplateAllocatesItsResultOnly(t *testing.T) {
	in := benchInput()
	for source, want := range map[string]float64{`user.email`: 0, `"x"`: 0, `join(",", user.groups)`: 1, `"Bearer ${lower(user.name)}"`: 1} {
		template := mustTemplate(t, source)
		if n := testing.AllocsPerRun(1000, func() { template.Value(in) }); n > want {
			t.Errorf("%s allocates %g times, want %g", source, n, want)
		}
	}
}
