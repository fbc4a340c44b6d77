package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// A node that was alone becomes the first of several: the embedded server does not carry over what it kept alone, so the
// node does, before it meets the others. A second store is made beside the first, as of a cluster of this node only, and
// every stream is copied into it as it is: sequences, headers, what remains of each record's time. When it is whole it
// takes the place of the first, in two renames; the first is kept. Until then the first is only read, so that a growth
// that is cut off is begun again.
const (
	growingFolder = "growing"      // the second store in the making
	aloneFolder   = "before-peers" // the first, kept
	completeFile  = "complete"     // in growingFolder: it is whole
	companionName = "companion"
	growPatience  = time.Minute // for the one election of the second store
)

// grow makes the store of a lone node that of a first peer.
func (b *Broker) grow(ctx context.Context) error {
	guest, err := b.visit(ctx, grower) // empty peers that start meanwhile see that somebody is to be waited for
	if err != nil {
		return err
	}
	defer guest.shut(context.WithoutCancel(ctx))
	if err := b.mayGrow(ctx, guest); err != nil {
		return err
	}
	defer b.waits("")
	b.waits("copying what it kept when it was alone")
	begun := time.Now()
	store := b.options.Store
	b.log.Info().Str("store", store).Msg("this node was alone and is to be one of several: copying what it keeps; until then it serves nobody")
	growing := filepath.Join(store, growingFolder)
	if err := os.RemoveAll(growing); err != nil {
		return fmt.Errorf("removing an earlier attempt: %w", err)
	}
	if err := b.copyStore(ctx, store, growing); err != nil {
		return err
	}
	if err := b.mayGrow(ctx, guest); err != nil { // another did, meanwhile
		return errors.Join(err, os.RemoveAll(growing))
	}
	if err := errors.Join(syncTree(growing), replaceFile(filepath.Join(growing, completeFile), nil)); err != nil {
		return fmt.Errorf("writing the copy: %w", err)
	}
	if err := finishGrowth(store); err != nil {
		return fmt.Errorf("putting the copy in its place: %w", err)
	}
	b.log.Info().Dur("after_ms", time.Since(begun)).Str("kept", filepath.Join(store, aloneFolder)).
		Msg("everything is copied; the earlier store is kept and may be removed when the cluster is well")
	return nil
}

// finishGrowth puts a second store that is whole in the place of the first, wherever an earlier attempt was cut off.
func finishGrowth(store string) error {
	growing := filepath.Join(store, growingFolder)
	if _, err := os.Stat(filepath.Join(growing, completeFile)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	made, place, kept := filepath.Join(growing, storeFolder), filepath.Join(store, storeFolder), filepath.Join(store, aloneFolder)
	if _, err := os.Stat(made); err == nil { // else it stands in its place already
		if err := setAside(place, kept); err != nil {
			return err
		}
		if err := os.Rename(made, place); err != nil {
			return err
		}
	}
	if err := syncFolder(store); err != nil {
		return err
	}
	return os.RemoveAll(growing)
}

// setAside moves the first store away; one that is kept from an earlier life of the folder stays beside it.
func setAside(place, kept string) error {
	if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		to := kept
		if n > 1 {
			to = fmt.Sprintf("%s-%d", kept, n)
		}
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(place, to)
		}
	}
}

// copyStore runs both stores at once, in this process only, and copies one into the other.
func (b *Broker) copyStore(ctx context.Context, from, to string) error {
	alone, err := b.localBroker(Options{Store: from})
	if err != nil {
		return err
	}
	defer alone.shut(context.WithoutCancel(ctx))
	if err := alone.startLocal(ctx); err != nil {
		return fmt.Errorf("opening the store of the lone node: %w", err)
	}
	first, err := b.localBroker(Options{Store: to})
	if err != nil {
		return err
	}
	companion, err := b.localBroker(Options{})
	if err != nil {
		return err
	}
	defer companion.shut(context.WithoutCancel(ctx))
	defer first.shut(context.WithoutCancel(ctx))
	if err := first.startFirst(ctx, companion); err != nil {
		return fmt.Errorf("beginning the store of the first peer: %w", err)
	}
	return b.copyStreams(ctx, alone, first)
}

// localBroker is a broker for this process alone.
func (b *Broker) localBroker(o Options) (*Broker, error) {
	o.Cluster, o.Node, o.Secrets, o.Limit = b.options.Cluster, b.options.Node, b.options.Secrets, b.options.Limit
	o.Sync, o.Log = time.Second, b.log // all of it is written out at the end
	local, err := New(o)
	if err != nil {
		return nil, err
	}
	local.copies = true
	return local, nil
}

func (b *Broker) startLocal(ctx context.Context) error {
	a, err := newAuthority(b.keys, b.options.Cluster, b.options.Node)
	if err != nil {
		return err
	}
	opts, err := b.serverOptions(a)
	if err != nil {
		return err
	}
	return b.startWith(ctx, opts)
}

// startWith starts a server as these options say, and connects to it.
func (b *Broker) startWith(ctx context.Context, opts *server.Options) error {
	if err := b.run(ctx, opts); err != nil {
		return err
	}
	conn, err := b.dialAs("steward user")
	if err != nil {
		return err
	}
	b.conn = conn
	b.stream, err = jetstream.New(conn, jetstream.WithDefaultTimeout(callTimeout))
	return err
}

// startFirst begins a group of one. The embedded server elects nobody before it has seen another server: a companion that
// keeps nothing is one.
func (b *Broker) startFirst(ctx context.Context, companion *Broker) error {
	a, err := newAuthority(b.keys, b.options.Cluster, b.options.Node)
	if err != nil {
		return err
	}
	other, err := companion.serverOptions(a)
	if err != nil {
		return err
	}
	other.ServerName, other.JetStream = companionName, false
	if err := companion.meshOptions(other, a, nil); err != nil {
		return err
	}
	if err := companion.run(ctx, other); err != nil {
		return err
	}
	opts, err := b.serverOptions(a)
	if err != nil {
		return err
	}
	if err := b.meshOptions(opts, a, []*url.URL{{Scheme: "nats-route", Host: companion.server.ClusterAddr().String()}}); err != nil {
		return err
	}
	if err := found(b.options.Store, b.options.Node); err != nil {
		return err
	}
	if err := b.startWith(ctx, opts); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, growPatience)
	defer cancel()
	for !b.server.JetStreamIsLeader() {
		select {
		case <-waiting.Done():
			return fmt.Errorf("electing this node the first: %w", context.Cause(waiting))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// found writes that the group of peers is these nodes.
func found(store string, nodes ...string) error {
	if err := os.MkdirAll(groupFolder(store), 0o700); err != nil {
		return err
	}
	le := binary.LittleEndian
	text := le.AppendUint32(nil, uint32(len(nodes))) // peers that are expected
	text = le.AppendUint32(text, uint32(len(nodes))) // peers that are known
	for _, node := range nodes {
		text = append(text, peerID(node)...)
	}
	text = le.AppendUint16(text, 0) // and no other domain
	return replaceFile(filepath.Join(groupFolder(store), peersFile), text)
}

// copyStreams copies what one broker keeps into another, and compares.
func (b *Broker) copyStreams(ctx context.Context, from, to *Broker) error {
	lister := from.stream.ListStreams(ctx)
	for info := range lister.Info() {
		begun := time.Now()
		b.waits(fmt.Sprintf("copying what it kept when it was alone: now %s, %d records", info.Config.Name, info.State.Msgs))
		if err := copyStream(ctx, from.conn, to.conn, info.Config.Name); err != nil {
			return fmt.Errorf("copying %s: %w", info.Config.Name, err)
		}
		b.log.Info().Str("stream", info.Config.Name).Uint64("records", info.State.Msgs).Uint64("bytes", info.State.Bytes).
			Dur("after_ms", time.Since(begun)).Msg("copied")
	}
	if err := lister.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return fmt.Errorf("listing what there is to copy: %w", err)
	}
	return nil
}

// syncTree has all of a folder on disk.
func syncTree(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() {
			return err
		}
		return syncFolder(path)
	})
}
