package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// kept is what `picket login` got for one host. It stands in a file that its owner alone can read.
type kept struct {
	Origin  string    `json:"origin"` // that it is shown to, and to no other
	Token   string    `json:"token"`
	Session string    `json:"session"`
	Expires time.Time `json:"expires"`
}

// errNotKept says that nobody signed in.
var errNotKept = errors.New("not signed in")

// keptFolder is where it is kept.
func keptFolder() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding where to keep what belongs to you: %w", err)
	}
	return filepath.Join(dir, "picket", "tokens"), nil
}

// keptFile is where it is kept for a host.
func keptFile(host string) (string, error) {
	folder, err := keptFolder()
	return filepath.Join(folder, url.QueryEscape(host)+".json"), err
}

// keptOrigins offers those that somebody has signed in at.
func keptOrigins(*cobra.Command, []string) (origins []cobra.Completion) {
	folder, err := keptFolder()
	if err != nil {
		return nil
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, file := range files {
		var k kept
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err == nil && json.Unmarshal(text, &k) == nil {
			origins = append(origins, described(k.Origin, "until "+clock(k.Expires)))
		}
	}
	return origins
}

// keep replaces what is kept for a host, whole or not at all.
func keep(host string, k kept) error {
	path, err := keptFile(host)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keeping the token: %w", err)
	}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping the token: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("keeping the token: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keeping the token: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// keptFor is what is kept for a host and still good. errNotKept.
func keptFor(host string, now time.Time) (k kept, err error) {
	path, err := keptFile(host)
	if err != nil {
		return k, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, errNotKept
	}
	if err != nil {
		return k, fmt.Errorf("reading the token: %w", err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fmt.Errorf("reading the token in %s: %w", path, err)
	}
	if !now.Before(k.Expires) {
		return k, errNotKept
	}
	return k, nil
}
