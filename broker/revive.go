package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	reviveEvery = 2 * time.Second
	reviveRest  = time.Minute // at most, after a store that failed again as soon as it was open
	reviveRoom  = 16 << 20    // bytes that must fit on the disk before the store is opened again
)

// keepStore opens the store of this node again after it was closed: by the embedded server, which does so when the disk is
// full, or by us, when a file could not be written for any other reason. (The server then only gives up what the file
// belongs to, one copy or a part of the cluster's own state, for good, and goes on as if it stored.) Until then the node goes
// on as one that stores nothing, and the cluster has one copy fewer.
func (b *Broker) keepStore(ctx context.Context) error {
	if !b.options.stores() || b.options.Store == "" {
		return nil
	}
	tick := time.NewTicker(reviveEvery)
	defer tick.Stop()
	k := keeper{Broker: b, open: true}
	for {
		why := ""
		select {
		case <-ctx.Done():
			return nil
		case why = <-b.writes:
		case <-tick.C:
		}
		if b.closing() || !b.server.Running() {
			return nil
		}
		if why != "" {
			k.shut(why)
		}
		k.look(time.Now())
	}
}

// keeper is what keepStore knows of the store.
type keeper struct {
	*Broker
	open   bool
	opened time.Time     // when it was opened last; zero: when the node began
	rest   time.Duration // how long it is left closed, when it fails again at once
	next   time.Time     // not opened before
}

// shut closes a store that cannot be written.
func (k *keeper) shut(why string) {
	if !k.server.JetStreamEnabled() {
		return // the server was faster
	}
	k.log.Error().Str("reason", why).Str("store", k.options.Store).Msg("a file of the store could not be written; closing the store")
	if err := k.server.ShutdownJetStream(); err != nil {
		k.log.Error().Err(err).Msg("closing the store")
	}
}

// look opens a store that is closed, when its disk takes something again.
func (k *keeper) look(now time.Time) {
	if k.server.JetStreamEnabled() {
		k.open = true
		return
	}
	if k.open {
		k.pause(now)
	}
	if now.Before(k.next) {
		k.open = false
		return
	}
	err := k.revive()
	if err != nil && k.open {
		k.log.Error().Err(err).Str("store", k.options.Store).
			Msg("this node stores nothing any more, and the cluster has one copy fewer; it stores again when its disk lets it")
	}
	if k.open = err == nil; k.open {
		k.opened = now
		k.log.Warn().Msg("this node stores again, and catches up with the others")
	}
}

// pause leaves a store alone that was open for a short time only: opening it costs the others, who bring it up to date.
func (k *keeper) pause(now time.Time) {
	if k.opened.IsZero() || now.Sub(k.opened) > 2*reviveRest {
		k.rest = 0
		return
	}
	k.rest = min(max(2*k.rest, reviveEvery), reviveRest)
	k.next = now.Add(k.rest)
}

// revive starts JetStream anew, as the server does it when it starts.
func (b *Broker) revive() error {
	if err := roomIn(b.options.Store); err != nil {
		return err
	}
	select {
	case <-b.writes: // said while the store was being closed
	default:
	}
	return b.server.EnableJetStream(&server.JetStreamConfig{
		StoreDir:     b.options.Store,
		MaxStore:     b.options.Limit,
		SyncAlways:   b.options.Sync == 0,
		SyncInterval: b.options.Sync,
		Strict:       true,
	})
}

// roomIn tells why a disk takes nothing, by writing to it.
func roomIn(dir string) (err error) {
	file, err := os.CreateTemp(dir, "room-")
	if err != nil {
		return fmt.Errorf("trying the disk: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if _, err := file.Write(make([]byte, reviveRoom)); err != nil {
		return fmt.Errorf("trying the disk: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("trying the disk: %w", err)
	}
	return nil
}
