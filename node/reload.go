package node

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/node/config"
)

// reloadTime bounds the making of a configuration: buckets of facts may have to be opened and read.
const reloadTime = 30 * time.Second

// What became of reading the configuration anew.
const (
	reloadDone      = "loaded"
	reloadUnchanged = "unchanged" // the files hold what they held
	reloadRefused   = "refused"   // and nothing changed
)

// reload is what became of reading the configuration anew.
type reload struct {
	Result  string    `json:"result"`
	At      time.Time `json:"at"`
	Digest  string    `json:"digest"`          // of the configuration that is in force now
	Changes []string  `json:"changes"`         // blocks that were added, changed or removed
	Error   string    `json:"error,omitempty"` // why it was refused, in a line

	problems *config.Problems // mistakes, and warnings
	again    bool             // the reason lies outside of the files: the same may do later
}

// reloads read the configuration anew when its files change, and when somebody asks. A whole configuration is read, checked
// and made ready beside the one in force; then it takes its place. One that cannot do that changes nothing.
type reloads struct {
	node    *Node
	path    string // "": it cannot be read again
	hangups <-chan os.Signal
	level   func(string)
	watcher *watcher
	last    atomic.Pointer[reload] // nil: there was none

	mu    sync.Mutex // one at a time
	tried string     // guarded by mu: print of the files that were refused last; "": none were

	counts  *prometheus.CounterVec
	success prometheus.Gauge
	when    prometheus.Gauge
}

func newReloads(n *Node, o Options) *reloads {
	r := &reloads{
		node: n, path: o.Reading.Path, hangups: o.Hangups, level: o.Level, watcher: newWatcher(o.Reading, n.log),
		counts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_config_reloads_total", Help: "Readings of the configuration while running, by what became of them.",
		}, []string{"result"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "picket_config_last_reload_successful", Help: "1 when the configuration in force is the one in the files, 0 when that was refused.",
		}),
		when: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "picket_config_last_reload_success_timestamp_seconds", Help: "When the configuration in force was loaded, in Unix time.",
		}),
	}
	n.registry.MustRegister(r.counts, r.success, r.when, newDigestMetric(n))
	for _, result := range []string{reloadDone, reloadUnchanged, reloadRefused} {
		r.counts.WithLabelValues(result)
	}
	r.success.Set(1)
	r.when.Set(float64(n.inForce.Load().since.Unix()))
	return r
}

// run reads the configuration anew when its files change and when a signal asks, until ctx ends.
func (r *reloads) run(ctx context.Context) error {
	if r.path == "" {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.watcher.run(ctx) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-r.hangups:
				r.node.log.Info().Msg("SIGHUP: reading the configuration anew")
				r.ask(ctx)
			case <-r.watcher.changes:
				r.look(ctx)
			}
		}
	})
	return group.Wait()
}

// look reads the files after they may have changed. What was refused is not tried again until it is something else.
func (r *reloads) look(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reading := config.Read(r.path)
	if reading.Print == r.tried || r.tried == "" && reading.Print == r.node.inForce.Load().print {
		return
	}
	r.load(ctx, reading)
}

// ask reads the files because somebody wants it.
func (r *reloads) ask(ctx context.Context) *reload {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.load(ctx, config.Read(r.path))
}

// load puts a reading in force, or says why not. mu is held.
func (r *reloads) load(ctx context.Context, reading config.Reading) *reload {
	r.watcher.follow(reading)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTime)
	defer cancel()
	made := r.try(ctx, reading)
	made.At, made.Digest, made.Changes = time.Now(), r.node.config().Digest, append([]string{}, made.Changes...)
	r.tried = ""
	if made.Result == reloadRefused && !made.again {
		r.tried = reading.Print
	}
	r.last.Store(made)
	r.count(made)
	return made
}

// try takes the steps from a reading to the configuration in force, and back at the first that fails.
func (r *reloads) try(ctx context.Context, reading config.Reading) *reload {
	n, before := r.node, r.node.inForce.Load()
	if reading.Problems.Failed() {
		return r.refuse("the configuration has mistakes", reading.Problems)
	}
	if reading.Print == before.print {
		return &reload{Result: reloadUnchanged, problems: reading.Problems}
	}
	if fixed := reading.Fixed(before.config); fixed != nil {
		return r.refuse("the configuration takes a restart", fixed)
	}
	g, prepared, err := n.prepare(ctx, reading)
	if err != nil {
		n.log.Error().Err(err).Msg("configuration not loaded; the one before stays in force")
		return &reload{Result: reloadRefused, Error: err.Error(), again: true}
	}
	n.use(g, prepared)
	if r.level != nil {
		r.level(g.config.Telemetry.LogLevel)
	}
	changes := config.Changes(before.blocks, g.blocks)
	logProblems(n.log.Warn, reading.Problems)
	n.log.Info().Strs("changes", changes).Str("digest", g.config.Digest).Msg("configuration loaded")
	return &reload{Result: reloadDone, Changes: changes, problems: reading.Problems}
}

// refuse tells every mistake.
func (r *reloads) refuse(why string, p *config.Problems) *reload {
	logProblems(r.node.log.Error, p)
	why += ": " + p.Summary()
	r.node.log.Error().Str("why", why).Msg("configuration not loaded; the one before stays in force")
	return &reload{Result: reloadRefused, Error: why, problems: p}
}

// logProblems writes a line for each.
func logProblems(level func() *zerolog.Event, p *config.Problems) {
	for line := range strings.Lines(p.Error()) {
		level().Msg(strings.TrimSpace(line))
	}
}

// count has the metrics say what became of it.
func (r *reloads) count(made *reload) {
	r.counts.WithLabelValues(made.Result).Inc()
	if made.Result == reloadRefused {
		r.success.Set(0)
		return
	}
	r.success.Set(1)
	r.when.Set(float64(r.node.inForce.Load().since.Unix()))
}
