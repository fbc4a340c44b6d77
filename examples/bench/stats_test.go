//go:build bench

package bench

import (
	"cmp"
	"slices"
	"time"
)

// median is the middle of all; of an even number of them, the upper of the two. It is zero when there are none.
func median[T cmp.Ordered](all []T) T { return percentile(all, 50) }

// percentile is the value that p percent of all lie below.
func percentile[T cmp.Ordered](all []T, p int) T {
	var none T
	if len(all) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// quotients are how many times as much one took as another in each round: what is measured within seconds is compared, and the
// machine may change meanwhile.
func quotients(of, by []float64) []float64 {
	all := make([]float64, min(len(of), len(by)))
	for i := range all {
		all[i] = of[i] / by[i]
	}
	return all
}

// seconds are durations as the table takes them.
func seconds(d time.Duration) float64 { return d.Seconds() }
