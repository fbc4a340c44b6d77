package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var numberUnit = regexp.MustCompile(`^([0-9]+) *([a-zA-Z]*)$`)

// parseDuration reads a time span as Go writes it, and says what to write instead of anything else.
func parseDuration(s string) (time.Duration, error) {
	span, err := time.ParseDuration(s)
	if err == nil && span < 0 {
		return 0, fmt.Errorf("%q is negative. Write a span such as \"15s\"", s)
	}
	if err == nil {
		return span, nil
	}
	number := numberUnit.FindStringSubmatch(s)
	if number == nil {
		return 0, fmt.Errorf("%.40q is not a time span. Write numbers with units ms, s, m, h, such as \"15s\" or \"1h30m\"", s)
	}
	count, unit := number[1], strings.ToLower(number[2])
	days, err := strconv.ParseInt(count, 10, 32)
	switch {
	case unit == "":
		return 0, fmt.Errorf("%q has no unit. Write \"%ss\" for seconds", s, count)
	case err == nil && strings.HasPrefix("days", unit):
		return 0, fmt.Errorf("days are no unit here. Write hours: \"%dh\"", 24*days)
	case unit == "min" || unit == "mins" || unit == "minute" || unit == "minutes":
		return 0, fmt.Errorf("the unit of minutes is m: write \"%sm\"", count)
	}
	return 0, fmt.Errorf("%.40q has an unknown unit. The units are ms, s, m and h, as in \"1h30m\"", s)
}

// spanText writes a time span without units that are zero: "8h", not "8h0m0s".
func spanText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// units are those of sizes, each 1024 times the one before.
func units() []string { return []string{"B", "KiB", "MiB", "GiB", "TiB"} }

// parseSize reads a number of bytes: "0", "64KiB", "8GiB".
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "KMGTiBkmgtb ")
	unit := strings.TrimSpace(s[len(digits):])
	count, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || count < 0 {
		return 0, fmt.Errorf("%.40q is not a size. Write a whole number with a unit, such as \"64KiB\"", s)
	}
	if unit == "" {
		unit = "B"
	}
	for i, known := range units() {
		if unit != known {
			continue
		}
		if count > math.MaxInt64>>(10*i) {
			return 0, fmt.Errorf("%q is more than can be counted", s)
		}
		return count << (10 * i), nil
	}
	return 0, fmt.Errorf("%q is not a unit of size. The units are %s, as in \"64KiB\"", unit, list(units()))
}

// sizeText writes a size in its largest whole unit.
func sizeText(n int64) string {
	unit := 0
	for n != 0 && n%1024 == 0 && unit < len(units())-1 {
		n, unit = n/1024, unit+1
	}
	return fmt.Sprintf("%d%s", n, units()[unit])
}
