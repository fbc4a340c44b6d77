package dev

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestColourMovesNothingInTheBanner(t *testing.T) {
	paint := regexp.MustCompile("\x1b\\[[0-9]+m")
	plain, painted := bannerOf(t, false), bannerOf(t, true)
	if paint.MatchString(plain) || !paint.MatchString(painted) {
		t.Errorf("without colour:\n%q\nwith it:\n%q", plain, painted)
	}
	if got := paint.ReplaceAllString(painted, ""); got != plain {
		t.Errorf("with colour it reads\n%s\nand without\n%s", got, plain)
	}
}

func TestTheBannerIsAligned(t *testing.T) {
	for _, line := range strings.Split(bannerOf(t, false), "\n") {
		if line != strings.TrimRight(line, " ") {
			t.Errorf("%q ends in spaces", line)
		}
		if len(line) > 110 {
			t.Errorf("%q is too long", line)
		}
		if at := strings.Index(line, " admin "); strings.Contains(line, " pid ") && at+1 != 2+9+column {
			t.Errorf("%q is out of line", line)
		}
	}
}

func bannerOf(t *testing.T, colour bool) string {
	t.Helper()
	d, err := New(Options{Nodes: 1, Executable: "/opt/picket", Out: &bytes.Buffer{}, Colour: colour})
	if err != nil {
		t.Fatal(err)
	}
	d.configuration, d.folder = example(), folder{path: "/tmp/picket-dev-1", temporary: true}
	d.members = []*member{{name: "n1", pid: 4711, admin: "127.0.0.1:20031"}, {name: "n2", pid: 4712, admin: "127.0.0.1:20032"}}
	return d.banner()
}
