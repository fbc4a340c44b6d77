package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAVersionThatMakeWasToldIsShown(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`-X \S+=\$\(VERSION\)`).FindString(string(makefile))
	if flag == "" {
		t.Fatal("make build tells the linker no version")
	}
	path := filepath.Join(t.TempDir(), "picket")
	flag = strings.Replace(flag, "$(VERSION)", "1.2.3-lab", 1)
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w "+flag, "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(path, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "picket 1.2.3-lab (") {
		t.Errorf("picket version says %q, %v", out, err)
	}
}
