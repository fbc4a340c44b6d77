package upstream

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"picket/node/config"
)

// health is what checks say of an application.
type health uint32

const (
	unchecked health = iota // nobody asks
	unknown                 // nobody has asked yet
	healthy
	unhealthy
)

// String is how status and log say it.
func (h health) String() string {
	return [...]string{"unchecked", "unknown", "healthy", "unhealthy"}[h]
}

// checkKey is what checks of routes have in common that are one.
type checkKey struct {
	origin   string
	reach    string // how it is reached: the print of TLS settings and the like
	settings config.Health
}

// check asks one application from time to time how it is, for all routes that want to know it in the same way. It outlives
// configurations.
type check struct {
	key   checkKey
	probe func(context.Context) error
	epoch *atomic.Uint64
	tell  teller
	stop  context.CancelFunc // ends it; nil: it does not run

	is atomic.Uint32 // health

	mu    sync.Mutex
	row   int       // guarded by mu: answers in a row that speak against what it is
	since time.Time // guarded by mu: when it became what it is; zero: nobody has asked yet
	why   string    // guarded by mu: what was wrong when it was last asked; "": nothing
}

// state is what is known now; of nil: that nobody asks.
func (c *check) state() health {
	if c == nil {
		return unchecked
	}
	return health(c.is.Load())
}

// run asks until ctx ends: at once, and then again and again, each time after a span that is a tenth shorter or longer, so that nodes and
// checks do not fall into step.
func (c *check) run(ctx context.Context) {
	pause := time.Duration(0)
	wait := time.NewTimer(pause)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		err := c.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		c.heard(err, time.Now())
		every := c.key.settings.Every
		pause = every - every/10 + rand.N(every/5+1)
		wait.Reset(pause)
	}
}

func (c *check) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.key.settings.Timeout)
	defer cancel()
	return c.probe(ctx)
}

// heard takes an answer: nil is a good one. The first decides alone, afterwards it takes as many in a row as the settings say.
func (c *check) heard(err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	said, enough := healthy, c.key.settings.Healthy
	c.why = ""
	if err != nil {
		said, enough = unhealthy, c.key.settings.Unhealthy
		c.why = err.Error()
	}
	was := c.state()
	if said == was {
		c.row = 0
		return
	}
	if c.row++; was != unknown && c.row < enough {
		return
	}
	c.row, c.since = 0, now
	c.is.Store(uint32(said))
	c.epoch.Add(1)
	if was != unknown || said != healthy {
		c.tell.turned(c.key.origin, said, c.why)
	}
}

// last is since when it is what it is, and what was wrong when it was last asked.
func (c *check) last() (since time.Time, why string) {
	if c == nil {
		return time.Time{}, ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since, c.why
}
