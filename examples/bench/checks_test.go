//go:build bench

package bench

import (
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// benchmark is a Go benchmark of a package, and what its rounds showed.
type benchmark struct {
	folder string // of the package
	name   string

	took   []float64 // seconds
	allocs []float64
}

// run lets it run once. binary is the package's test binary.
func (b *benchmark) run(t *testing.T, binary string) {
	pattern := "^" + strings.ReplaceAll(b.name, "/", "$/^") + "$"
	cmd := exec.CommandContext(t.Context(), binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchmem", "-test.benchtime", "300ms")
	cmd.Dir = filepath.Join("../..", b.folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s of %s: %v\n%s", b.name, b.folder, err, out)
		return
	}
	for text := range strings.Lines(string(out)) {
		if took, allocs, ok := result(text, b.name); ok {
			b.took, b.allocs = append(b.took, took), append(b.allocs, allocs)
			return
		}
	}
	t.Errorf("%s has no benchmark %s that ran:\n%s", b.folder, b.name, out)
}

// result reads a line such as
//
//	BenchmarkEvaluate/ten-2    9176312    129.6 ns/op    0 B/op    0 allocs/op
func result(text, name string) (took, allocs float64, ok bool) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return 0, 0, false
	}
	called := fields[0]
	if i := strings.LastIndexByte(called, '-'); i > 0 && called != name {
		called = called[:i] // the number of processors
	}
	if called != name {
		return 0, 0, false
	}
	for i := 1; i < len(fields); i++ {
		value, err := strconv.ParseFloat(fields[i-1], 64)
		switch {
		case err != nil:
		case fields[i] == "ns/op":
			took, ok = value*1e-9, true
		case fields[i] == "allocs/op":
			allocs = value
		}
	}
	return took, allocs, ok
}

// time is the median, and not a number when there is none.
func (b *benchmark) time() float64 { return medianOrNone(b.took) }

func medianOrNone(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	return median(all)
}

// check is a step of every request.
type check struct {
	what     string
	measured *benchmark
	baseline *benchmark
	of       string
	most     float64 // seconds
}

// allChecks are the steps of every request.
func allChecks() []check {
	return append([]check{
		{"session check on a hit", &benchmark{folder: "node/authn", name: "BenchmarkIdentifyHit"},
			&benchmark{folder: "broker", name: "BenchmarkVerify"}, "one cookie's HMAC", 1e-6},
		{"policy of ten rules", &benchmark{folder: "policy", name: "BenchmarkEvaluate/ten"},
			&benchmark{folder: "examples/bench", name: "BenchmarkHCL"}, "HCL itself, one rule", 300e-9},
	}, lookupCheck()...)
}

// lookupCheck is the finding of a route.
func lookupCheck() []check {
	return []check{
		{"route among 10,000", &benchmark{folder: "node/proxy", name: "BenchmarkRouteLookup"},
			&benchmark{folder: "examples/bench", name: "BenchmarkMap"}, "a Go map", 300e-9},
	}
}

// checks measures the steps of a request by the benchmarks of the packages that take them.
func (s *suite) checks(t *testing.T, all []check) {
	binaries := testBinaries(t, all)
	s.each("checks", func(int) (told string) {
		for _, c := range all {
			c.measured.run(t, binaries[c.measured.folder])
			c.baseline.run(t, binaries[c.baseline.folder])
			told += c.what + " " + duration(c.measured.time()) + "; "
		}
		return told
	})
	for _, c := range all {
		s.add(row{c.what, c.measured.time(), duration, c.baseline.time(), c.of, atMost(c.most)},
			row{c.what + ", allocations", medianOrNone(c.measured.allocs), count, medianOrNone(c.baseline.allocs), c.of, atMost(0)})
	}
}

// testBinaries builds the tests of the packages in question.
func testBinaries(t *testing.T, all []check) map[string]string {
	t.Helper()
	dir, built := t.TempDir(), map[string]string{}
	for _, c := range all {
		for _, folder := range []string{c.measured.folder, c.baseline.folder} {
			if built[folder] != "" {
				continue
			}
			built[folder] = filepath.Join(dir, strings.ReplaceAll(folder, "/", "-")+".test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "bench", "-o", built[folder], "./"+folder)
			build.Dir = "../.."
			if out, err := build.CombinedOutput(); err != nil {
				t.Errorf("building the tests of %s: %v\n%s", folder, err, out)
			}
		}
	}
	return built
}
