package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheWorkedPoliciesPassTheirTests asks each of examples/policy as its reader would.
func TestTheWorkedPoliciesPassTheirTests(t *testing.T) {
	files, err := filepath.Glob("../../examples/policy/*.hcl")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d worked policies, %v", len(files), err)
	}
	for _, file := range files {
		var out, errs bytes.Buffer
		asked := terminal{out: &out, err: &errs, env: func(string) string { return "" }}
		code := asked.main(t.Context(), []string{"policy", "test", "--cover", file})
		if code != 0 || !strings.Contains(out.String(), "passed") || strings.Contains(out.String(), "failed") {
			t.Errorf("%s: exit code %d\n%s%s", file, code, out.String(), errs.String())
		}
	}
}
