package config

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad wants an answer to any text: a configuration or mistakes, each with its place.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/mistakes/*.hcl", "testdata/base/*.hcl", "testdata/*.hcl", "testdata/good/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		reading := parse([]source{{"cluster.hcl", text}}, dir)
		c, problems := reading.Config, reading.Problems
		if (c == nil) != problems.Failed() {
			t.Fatalf("a configuration is given: %t, it failed: %t", c != nil, problems.Failed())
		}
		if problems == nil {
			return
		}
		for _, d := range problems.diags {
			if d.Subject == nil || d.Subject.Filename == "" || d.Subject.Start.Line < 1 || d.Summary == "" {
				t.Errorf("%+v has no place or no summary", d)
			}
		}
		if err := problems.Write(io.Discard, true, 40); err != nil {
			t.Error(err)
		}
		if _, err := problems.JSON(); err != nil {
			t.Error(err)
		}
	})
}
