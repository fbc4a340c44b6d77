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
	reviveRoom  = 16 << 20 // bytes that must fit on the disk before the store is opened again
)

// keepStore opens the store of this node again after the embedded server has closed it, which it does for good when the
// disk is full or fails. Until then the node goes on as one that stores nothing, and the cluster has one copy fewer.
func (b *Broker) keepStore(ctx context.Context) error {
	if !b.options.stores() || b.options.Store == "" {
		return nil
	}
	tick := time.NewTicker(reviveEvery)
	defer tick.Stop()
	open := true
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if b.closing() || !b.server.Running() {
			return nil
		}
		if b.server.JetStreamEnabled() {
			open = true
			continue
		}
		err := b.revive()
		if err != nil && open {
			b.log.Error().Err(err).Str("store", b.options.Store).
				Msg("this node stores nothing any more, and the cluster has one copy fewer; it stores again when its disk lets it")
		}
		if open = err == nil; open {
			b.log.Warn().Msg("this node stores again, and catches up with the others")
		}
	}
}

// revive starts JetStream anew, as the server does it when it starts.
func (b *Broker) revive() error {
	if err := roomIn(b.options.Store); err != nil {
		return err
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
