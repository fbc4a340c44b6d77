package dev

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is where a run keeps its files: cluster.hcl, the store and the log of each node, and memory.
type folder struct {
	path      string
	temporary bool // goes when the run ends
}

// memory is what stays the same when a folder is used again: the people who are signed in stay so, because the secret
// opens their sessions and the provider, whose address names it in them, is where it was.
type memory struct {
	Secret       string `json:"secret"`        // of the cluster
	ClientSecret string `json:"client_secret"` // of the cluster at the provider
	ProviderPort int    `json:"provider_port"`
}

// openFolder makes the folder, or a temporary one when path is empty.
func openFolder(path string) (folder, error) {
	if path == "" {
		path, err := os.MkdirTemp("", "picket-dev-")
		if err != nil {
			return folder{}, fmt.Errorf("making a temporary folder: %w", err)
		}
		return folder{path: path, temporary: true}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return folder{}, fmt.Errorf("finding the folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return folder{}, fmt.Errorf("making the folder: %w", err)
	}
	return folder{path: path}, nil
}

// file is the path of a file in it.
func (f folder) file(name string) string { return filepath.Join(f.path, name) }

// write replaces a file that only its owner may read.
func (f folder) write(name string, data []byte) error {
	if err := os.WriteFile(f.file(name), data, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// remember reads what a run before left in the folder, or begins anew.
func (f folder) remember() (memory, error) {
	var m memory
	data, err := os.ReadFile(f.file("dev.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return memory{Secret: newSecret(), ClientSecret: newSecret()}, nil
	}
	if err != nil {
		return memory{}, fmt.Errorf("reading the folder: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Secret == "" || m.ClientSecret == "" {
		return memory{}, fmt.Errorf("%s is not what picket dev wrote there: remove it to begin anew", f.file("dev.json"))
	}
	return m, nil
}

func (f folder) keep(m memory) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing dev.json: %w", err)
	}
	return f.write("dev.json", append(data, '\n'))
}

// close removes the folder if it is a temporary one.
func (f folder) close() error {
	if !f.temporary {
		return nil
	}
	if err := os.RemoveAll(f.path); err != nil {
		return fmt.Errorf("removing the temporary folder: %w", err)
	}
	return nil
}

func newSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return hex.EncodeToString(secret)
}
