package config_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"picket/node/config"
)

// shown is what a person reads of a file with mistakes.
func shown(t *testing.T, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.hcl")
	write(t, path, source)
	_, problems := config.Load(path)
	var out bytes.Buffer
	if err := problems.Write(&out, false, 0); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestOfALongLineIsShownWhatIsMeant(t *testing.T) {
	const mistakes = 2000
	var terms []string
	for i := range mistakes {
		terms = append(terms, fmt.Sprintf(`user.emial == "Zoë %d"`, i))
	}
	out := shown(t, "policy \"p\" {\n\tallow \"x\" { when = "+strings.Join(terms, " || ")+" }\n}\n")
	if len(out) > 2000*mistakes {
		t.Errorf("of %d mistakes is told in %d bytes", mistakes, len(out))
	}
	lines, seen := strings.Split(out, "\n"), 0
	for i, line := range lines {
		at := strings.Index(line, "^^^^^^^^^^")
		if at < 0 {
			continue
		}
		seen++
		column := len([]rune(line[:at]))
		if above := []rune(lines[i-1]); len(above) < column+10 || string(above[column:column+10]) != "user.emial" {
			t.Fatalf("the caret is elsewhere:\n%s\n%s", lines[i-1], line)
		}
	}
	if seen != mistakes {
		t.Errorf("of %d mistakes %d are shown", mistakes, seen)
	}
}

func TestASecretInALongLineIsHidden(t *testing.T) {
	for _, before := range []int{0, 90, 390, 1000} {
		out := shown(t, "cluster { secrets = ["+strings.Repeat(" ", before)+`"hush", 1, "`+strings.Repeat("hush", 200)+`"] }`)
		if strings.Contains(out, "hush") || !strings.Contains(out, "....") {
			t.Errorf("behind %d spaces it is shown:\n%s", before, out)
		}
	}
}

func TestATerminalDoesNotObeyAConfiguration(t *testing.T) {
	out := shown(t, "\rcluster \x1b[31m{\a}\u009b1m\n")
	if strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
		t.Errorf("it reads %q", out)
	}
}
