//go:build bench

package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unit writes a number for people.
type unit func(float64) string

// duration is of seconds.
func duration(v float64) string {
	if math.IsNaN(v) {
		return digits(v)
	}
	for _, step := range []struct {
		above float64
		name  string
	}{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}} {
		if v >= step.above {
			return digits(v/step.above) + " " + step.name
		}
	}
	return digits(v*1e9) + " ns"
}

// size is of bytes.
func size(v float64) string {
	for _, step := range []struct {
		above float64
		name  string
	}{{1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if math.Abs(v) >= step.above {
			return digits(v/step.above) + " " + step.name
		}
	}
	return digits(v) + " B"
}

// rate is of things in a second.
func rate(v float64) string { return grouped(v) + "/s" }

// count is of things.
func count(v float64) string { return digits(v) }

// times is of ratios.
func times(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + "×"
}

// digits keeps about three of them.
func digits(v float64) string {
	if math.IsNaN(v) {
		return "none"
	}
	places := 0
	switch a := math.Abs(v); {
	case a == math.Trunc(a):
	case a < 10:
		places = 2
	case a < 100:
		places = 1
	}
	return strconv.FormatFloat(v, 'f', places, 64)
}

// grouped is a whole number with its thousands set apart.
func grouped(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, groups...), ",")
}
