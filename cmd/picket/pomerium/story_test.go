package pomerium_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"picket/cmd/picket/pomerium"
	"picket/node/config"
)

var update = flag.Bool("update", false, "write what the stories of testdata should say")

// TestStories imports each in.yaml of testdata. The output, its notes, and what `picket check` says of it stand beside.
func TestStories(t *testing.T) {
	for _, path := range stories(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			result, err := pomerium.Import("in.yaml", story.Files[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			got := []txtar.File{
				story.Files[0],
				{Name: "out.hcl", Data: result.HCL},
				{Name: "notes", Data: []byte(notes(result))},
				{Name: "check", Data: []byte(check(t, result.HCL))},
			}
			if *update {
				told := &txtar.Archive{Comment: story.Comment, Files: got}
				if err := os.WriteFile(path, txtar.Format(told), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, got, story.Files)
		})
	}
}

func stories(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("stories: %q, %v", paths, err)
	}
	for i := range paths {
		if paths[i], err = filepath.Abs(paths[i]); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func compare(t *testing.T, got, want []txtar.File) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("the story has %d files, want %d: run with -update and read what it says", len(want), len(got))
	}
	for i, file := range got {
		if !bytes.Equal(bytes.TrimSpace(file.Data), bytes.TrimSpace(want[i].Data)) {
			t.Errorf("%s is\n%s\nwant\n%s", file.Name, file.Data, want[i].Data)
		}
	}
}

// notes are the notes of a result and its counts.
func notes(r *pomerium.Result) string {
	var b strings.Builder
	for _, n := range r.Notes {
		fmt.Fprintln(&b, n)
	}
	fmt.Fprintf(&b, "%d routes, %d policies, %d carried over, %d not\n", r.Routes, r.Policies, r.CarriedOver, r.NotCarried)
	return b.String()
}

// check is what is wrong with a configuration: errors and doubts, a line each.
func check(t *testing.T, hcl []byte) string {
	t.Helper()
	_, problems := load(t, hcl)
	if problems == nil {
		return ""
	}
	said := problems.Error()
	return strings.TrimSpace(said) + "\n"
}

// load loads a configuration as `picket check` would, with the environment and the files that an operator has to give.
func load(t *testing.T, hcl []byte) (*config.Config, *config.Problems) {
	t.Helper()
	folder := t.TempDir()
	chain, key := pair(t)
	ca, crl := authority(t)
	for name, text := range map[string][]byte{
		"cluster.hcl": hcl, "tls.crt": chain, "tls.key": key, "secret.txt": []byte("a secret\n"),
		"ca.pem": ca, "acme-ca.pem": ca, "client-ca.pem": ca, "client-ca-b.pem": ca, "crl.pem": crl, "client-crl.pem": crl,
		"c.pem": chain, "k.pem": key, "t": []byte("a.token"),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"PICKET_SECRET": strings.Repeat("s", 32), "HEADER_HEADERS_AUTHORIZATION": "a", "HEADER_SECRETS_X_API_KEY": "b", "PICKET_NODE": "node-1", "PICKET_TRUSTED_PROXIES": "10.0.0.0/24",
		"PICKET_TLS_CERTIFICATE": "tls.crt", "PICKET_TLS_KEY": "tls.key",
		"PICKET_ACME_EAB_HMAC": "c2VjcmV0",
		"IDP_CLIENT_SECRET":    "a secret", "IDP_CLIENT_SECRET_OIDC_OWN": "another secret",
		"KUBERNETES_TOKEN_HEADERS": "a.token", "KUBERNETES_TOKEN_API": "a.token",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(folder)
	return config.Load("cluster.hcl")
}
