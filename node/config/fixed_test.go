package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
)

// TestStoriesOfWhatTakesARestart wants what a person is told, in the file "told" of each story, of after.hcl on a
// node that runs by cluster.hcl.
func TestStoriesOfWhatTakesARestart(t *testing.T) {
	for _, path := range glob(t, "testdata/fixed/*.txtar") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			setEnvironment(t)
			tellStory(t, path, "told", func(dir string) string {
				t.Chdir(dir)
				before, after := config.Read("cluster.hcl"), config.Read("after.hcl")
				if before.Problems.Failed() || after.Problems.Failed() {
					t.Fatal(before.Problems.Error(), after.Problems.Error())
				}
				var out bytes.Buffer
				if err := after.Fixed(before.Config).Write(&out, false, 0); err != nil {
					t.Fatal(err)
				}
				return out.String()
			})
		})
	}
}

const readable = `
cluster {
  name    = "corp"
  secrets = [env("PICKET_SECRET")]
}
listen "main" { address = "127.0.0.1:8080" }
policy "staff" {
  allow "all" { when = user.name == file("rule.txt") }
}
route "open" {
  from   = "http://localhost"
  to     = "http://127.0.0.1:1"
  public = true
}
`

// reread writes a file of a configuration and reads all of it.
func reread(t *testing.T, dir, name, text string) config.Reading {
	t.Helper()
	write(t, filepath.Join(dir, name), text)
	r := config.Read(filepath.Join(dir, "cluster.hcl"))
	if r.Problems.Failed() {
		t.Fatal(r.Problems.Error())
	}
	return r
}

func TestAReadingTellsWhatChanged(t *testing.T) {
	setEnvironment(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "rule.txt"), "one")
	first := reread(t, dir, "cluster.hcl", readable)
	if want := []string{filepath.Join(dir, "cluster.hcl"), filepath.Join(dir, "rule.txt")}; !slices.Equal(first.Files, want) {
		t.Errorf("it looked at %q; want %q", first.Files, want)
	}
	for _, c := range []struct {
		what, file, text string
		want             []string
		print            bool // it is another
	}{
		{"nothing", "cluster.hcl", readable, nil, false},
		{"a comment and the layout", "cluster.hcl", strings.ReplaceAll(readable, "  name ", "# a comment\n\n\tname"), nil, true},
		{"a file that a policy names", "rule.txt", "two", []string{`policy "staff" changed`}, true},
		{"a value", "cluster.hcl", strings.ReplaceAll(readable, "127.0.0.1:1", "127.0.0.1:2"), []string{`route "open" changed`}, true},
		{"a name", "cluster.hcl", strings.ReplaceAll(readable, `route "open"`, `route "free"`), []string{`route "open" removed`, `route "free" added`}, true},
	} {
		write(t, filepath.Join(dir, "rule.txt"), "one")
		write(t, filepath.Join(dir, "cluster.hcl"), readable)
		now := reread(t, dir, c.file, c.text)
		if got := config.Changes(first.Blocks(), now.Blocks()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q; want %q", c.what, got, c.want)
		}
		if (now.Print != first.Print) != c.print {
			t.Errorf("%s: the print is another: %t", c.what, !c.print)
		}
	}
}

func TestABlockThatNamesManyFilesIsTheSameHoweverOftenItIsRead(t *testing.T) {
	setEnvironment(t)
	path := filepath.Join(t.TempDir(), "cluster.hcl")
	write(t, path, `listen "https" {
  address            = ":443"
  tls                = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_certificate = "request"
  client_ca          = file(env("CLIENT_CA_DER"))
  client_crl         = file(env("CLIENT_CRL_DER"))
}`)
	first := config.Read(path).Blocks()
	for range 20 {
		if changes := config.Changes(first, config.Read(path).Blocks()); len(changes) > 0 {
			t.Fatalf("nothing was changed, and told is %q", changes)
		}
	}
}

func TestAReadingThatFailsSaysWhereItLooked(t *testing.T) {
	setEnvironment(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "cluster.hcl")
	write(t, path, readable)
	r := config.Read(path)
	if r.Config != nil || !slices.Contains(r.Files, filepath.Join(dir, "rule.txt")) {
		t.Errorf("without rule.txt it looked at %q", r.Files)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := config.Read(path); r.Config != nil || !slices.Equal(r.Files, []string{path}) {
		t.Errorf("without a file it looked at %q", r.Files)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(readable))
	f.Add([]byte(`a "b" { c = file(d) }` + "\nx {}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "cluster.hcl")
		write(t, path, string(text))
		r := config.Read(path)
		if again := config.Read(path); again.Print != r.Print || len(config.Changes(r.Blocks(), again.Blocks())) != 0 {
			t.Error("read twice, it is two")
		}
		if r.Config != nil && r.Fixed(r.Config) != nil {
			t.Error("it takes a restart to stay what it is")
		}
	})
}
