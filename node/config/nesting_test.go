package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsNestedTooDeepIsAMistakeLikeAnother(t *testing.T) {
	for what, text := range map[string]string{
		"lists":      "a = " + strings.Repeat("[", 100_000),
		"brackets":   "a = " + strings.Repeat("(", 100_000),
		"objects":    "a = " + strings.Repeat("{a=", 100_000),
		"blocks":     strings.Repeat("a {\n", 100_000),
		"denials":    "a = " + strings.Repeat("!", 100_000) + "true",
		"signs":      "a = " + strings.Repeat("-", 100_000) + "1",
		"conditions": "a = " + strings.Repeat("true ? 1 : ", 100_000) + "1",
		"templates":  "a = " + strings.Repeat(`"${`, 100_000),
		"calls":      "a = " + strings.Repeat("f(", 100_000),
	} {
		t.Run(what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.hcl")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, problems := Load(file); !problems.Failed() || !strings.Contains(problems.Error(), string(nestedTooDeep)) {
				t.Errorf("%.300s", problems.Error())
			}
		})
	}
}
