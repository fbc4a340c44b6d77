package config_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
)

// TestTheExampleLoads loads the example at the top of the repository, as README tells people to begin.
func TestTheExampleLoads(t *testing.T) {
	setEnvironment(t)
	path := "../../cluster.hcl"
	c, problems := config.Load(path)
	if problems != nil {
		t.Fatalf("problems:\n%s", problems.Error())
	}
	if len(c.Cluster.Broker.Peers) != 3 || len(c.Routes) < 4 || len(c.Identities) == 0 || len(c.Policies.Names()) < 2 {
		t.Errorf("the example shows too little: %s", values(c))
	}
	if text := read(t, path); !bytes.Equal(config.Format(text), text) {
		t.Errorf("the example is not formatted as `picket fmt` would")
	}
}

func TestAFolderIsOneConfiguration(t *testing.T) {
	setEnvironment(t)
	file, folder := t.TempDir(), t.TempDir()
	var whole []byte
	for _, base := range glob(t, "testdata/base/*.hcl") {
		whole = append(whole, read(t, base)...)
		write(t, filepath.Join(folder, filepath.Base(base)), string(read(t, base)))
	}
	write(t, filepath.Join(folder, ".hidden.hcl"), "not read")
	write(t, filepath.Join(folder, "notes.txt"), "not read")
	write(t, filepath.Join(file, "cluster.hcl"), string(whole))

	fromFile, fromFolder := load(t, filepath.Join(file, "cluster.hcl")), load(t, folder)
	if a, b := values(fromFile), values(fromFolder); a != b {
		t.Errorf("the file gives\n%s\nthe folder\n%s", a, b)
	}
}

func TestDigestIsOfTheTextsAlone(t *testing.T) {
	setEnvironment(t)
	here, there, other := t.TempDir(), t.TempDir(), t.TempDir()
	for _, base := range glob(t, "testdata/base/*.hcl") {
		name, text := filepath.Base(base), string(read(t, base))
		write(t, filepath.Join(here, name), text)
		write(t, filepath.Join(there, name), text)
		write(t, filepath.Join(other, name), text+"\n")
	}
	if a, b := load(t, here).Digest, load(t, there).Digest; a != b || len(a) != 64 {
		t.Errorf("the same files elsewhere have digest %q and %q", a, b)
	}
	if a, b := load(t, here).Digest, load(t, other).Digest; a == b {
		t.Errorf("other files have the same digest %q", a)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.hcl", "a.hcl", ".c.hcl", "d.txt"} {
		write(t, filepath.Join(dir, name), "")
	}
	got, err := config.Files(dir)
	if want := []string{filepath.Join(dir, "a.hcl"), filepath.Join(dir, "b.hcl")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Files of a folder = %q, %v, want %q", got, err, want)
	}
	got, err = config.Files(filepath.Join(dir, "d.txt"))
	if want := []string{filepath.Join(dir, "d.txt")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Files of a file = %q, %v, want %q", got, err, want)
	}
	for _, path := range []string{t.TempDir(), filepath.Join(dir, "gone")} {
		if got, err := config.Files(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Files of nothing = %q, %v, want fs.ErrNotExist", got, err)
		}
	}
}

func TestFormat(t *testing.T) {
	got := string(config.Format([]byte("cluster {\nname=\"x\"\n  secrets   = []\n}\n")))
	if want := "cluster {\n  name    = \"x\"\n  secrets = []\n}\n"; got != want {
		t.Errorf("Format gives\n%s\nwant\n%s", got, want)
	}
}

func TestAFileTooLargeIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.hcl")
	write(t, path, strings.Repeat("#", 4<<20+1))
	if _, problems := config.Load(path); !strings.Contains(problems.Error(), "larger than 4 MiB") {
		t.Errorf("a large file is told as %q", problems.Error())
	}
}

func TestAProviderNeedNotBeToldOfSignOuts(t *testing.T) {
	setEnvironment(t)
	dir, _ := withBase(t, "testdata/base/identity.hcl")
	write(t, filepath.Join(dir, "a.hcl"), strings.Replace(string(read(t, "testdata/base/identity.hcl")), "kind ", "logout = []\nkind ", 1))
	if ways := load(t, dir).Identities[0].Logout; ways == nil || len(ways) > 0 {
		t.Errorf("an empty list is %#v", ways)
	}
}

func load(t *testing.T, path string) *config.Config {
	t.Helper()
	c, problems := config.Load(path)
	if problems != nil {
		t.Fatalf("problems: %s", problems.Error())
	}
	return c
}

// A file's last line break is no part of a secret, but of a .creds file it is: its end is found by it.
func TestTheLastLineBreakOfAFile(t *testing.T) {
	setEnvironment(t)
	dir, _ := withBase(t, "testdata/base/cluster.hcl")
	write(t, filepath.Join(dir, "secret"), strings.Repeat("s", 32)+"\r\n")
	write(t, filepath.Join(dir, "a.hcl"), `
		cluster {
		  name    = "test"
		  secrets = [file("secret")]
		  broker {
		    url         = "tls://nats-1:4222"
		    credentials = file(env("CREDENTIALS"))
		  }
		}`)
	cluster := load(t, dir).Cluster
	if got := string(cluster.Secrets[0]); got != strings.Repeat("s", 32) {
		t.Errorf("the secret is %q", got)
	}
	if got := cluster.Broker.Credentials; !bytes.HasSuffix(got, []byte("------\n")) {
		t.Errorf("the credentials are %q", got)
	}
}
