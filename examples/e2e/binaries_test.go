//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// picketBinary and natsBinary are built once for all tests, by the same `go build` as anyone's.
var (
	picketBinary = sync.OnceValues(func() (string, error) { return build("picket", "picket/cmd/picket") })
	natsBinary   = sync.OnceValues(func() (string, error) { return build("nats-server", "github.com/nats-io/nats-server/v2") })
)

// build leaves the binary in a folder that git ignores, so that the next run has little to do.
func build(name, pkg string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "e2e", name))
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

func picket(t *testing.T) string { return built(t, picketBinary) }

func built(t *testing.T, build func() (string, error)) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
