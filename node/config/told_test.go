package config_test

import (
	"bytes"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"picket/node/config"
)

var update = flag.Bool("update", false, "write what the stories of testdata should say")

// TestStoriesOfConfigurations unpacks each story of testdata/good, loads it, and wants the values in its file "values".
func TestStoriesOfConfigurations(t *testing.T) {
	for _, path := range glob(t, "testdata/good/*.txtar") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			setEnvironment(t)
			tellStory(t, path, "values", func(dir string) string {
				c, problems := config.Load(dir)
				if problems != nil {
					t.Fatalf("problems: %s", problems.Error())
				}
				return values(c)
			})
		})
	}
}

// TestStoriesOfMistakes wants what a person is told in the file "told" of each story of testdata/told.
func TestStoriesOfMistakes(t *testing.T) {
	for _, path := range glob(t, "testdata/told/*.txtar") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			setEnvironment(t)
			tellStory(t, path, "told", func(dir string) string {
				t.Chdir(dir)
				_, problems := config.Load("cluster.hcl")
				var out bytes.Buffer
				if err := problems.Write(&out, false, 80); err != nil {
					t.Fatal(err)
				}
				return out.String()
			})
		})
	}
}

// tellStory unpacks a story and compares its file of the given name with what tell says.
func tellStory(t *testing.T, path, name string, tell func(dir string) string) {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	story := txtar.Parse(read(t, absolute))
	dir := t.TempDir()
	want := -1
	for i, f := range story.Files {
		if f.Name == name {
			want = i
			continue
		}
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	got := strings.ReplaceAll(tell(dir), dir+string(filepath.Separator), "")
	if want < 0 {
		want = len(story.Files)
		story.Files = append(story.Files, txtar.File{Name: name})
	}
	if *update {
		story.Files[want].Data = []byte(got)
		write(t, absolute, string(txtar.Format(story)))
		return
	}
	if got != string(story.Files[want].Data) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, story.Files[want].Data)
	}
}
