package broker

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A store folder is one of three things, and what a node may do at its start depends on which.
type storeKind int

const (
	emptyStore  storeKind = iota // nothing was ever kept in it
	loneStore                    // the records of a node that was alone
	memberStore                  // the copies of a node that is one of several
)

// The names are the embedded server's, but for the owner's file.
const (
	storeFolder   = "jetstream"
	ownerFile     = "picket-node.json"
	peersFile     = "peers.idx"
	storeFilePerm = 0o600
)

// groupFolder holds the log of the group that knows which buckets there are.
func groupFolder(store string) string {
	return filepath.Join(store, storeFolder, system, "_js_", "_meta_")
}

func streamsFolder(store string) string {
	return filepath.Join(store, storeFolder, account, "streams")
}

// owner says whose store a folder is.
type owner struct {
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
}

// prepareStore looks at the store before the server does: it finishes or begins a growth, founds a cluster, and refuses
// what would destroy one.
func (b *Broker) prepareStore() (storeKind, error) {
	folder := b.options.Store
	if folder == "" || !b.options.stores() {
		return emptyStore, nil
	}
	if err := finishGrowth(folder); err != nil {
		return emptyStore, fmt.Errorf("putting the grown store in its place: %w", err)
	}
	kind, err := lookInto(folder)
	if err != nil {
		return kind, fmt.Errorf("looking into the store: %w", err)
	}
	if kind == memberStore {
		if err := b.refuseStore(folder); err != nil {
			return kind, err
		}
	}
	if kind == emptyStore && b.options.clustered() {
		err := os.Remove(filepath.Join(groupFolder(folder), peersFile)) // of a beginning that came to nothing, with other peers perhaps
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return kind, fmt.Errorf("preparing the store %s: %w", folder, err)
		}
	}
	return kind, nil
}

// refuseStore keeps a node from a store that is another's, or that needs others: both look like a start, and lose the state.
func (b *Broker) refuseStore(folder string) error {
	if !b.options.clustered() {
		return fmt.Errorf("the store %s is one copy of several, of a cluster with more peers, and cannot be used by one node alone. "+
			"Restore the list of peers; to begin alone, use an empty store and restore a backup into it", folder)
	}
	whose, err := readOwner(folder)
	if err != nil {
		return err
	}
	if whose.Node != "" && whose.Node != b.options.Node {
		return fmt.Errorf("the store %s is that of node %s, and this node is %s. A node keeps its name as long as its store: "+
			"call it %[2]s again; or give it an empty store, and retire the old name (picket nodes retire %[2]s)", folder, whose.Node, b.options.Node)
	}
	if whose.Cluster != "" && whose.Cluster != b.options.Cluster {
		return fmt.Errorf("the store %s is that of cluster %s, and this one is %s. Correct the name of the cluster, or use another store",
			folder, whose.Cluster, b.options.Cluster)
	}
	return nil
}

// ownStore writes down whose store it is, once the server has made it.
func (b *Broker) ownStore() error {
	folder := b.options.Store
	if folder == "" || !b.options.stores() {
		return nil
	}
	text, err := json.Marshal(owner{Cluster: b.options.Cluster, Node: b.options.Node})
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(folder, ownerFile), text); err != nil {
		return fmt.Errorf("writing whose store it is: %w", err)
	}
	return nil
}

func readOwner(folder string) (owner, error) {
	var whose owner
	text, err := os.ReadFile(filepath.Join(folder, ownerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return whose, nil
	}
	if err != nil {
		return whose, fmt.Errorf("reading whose store it is: %w", err)
	}
	if err := json.Unmarshal(text, &whose); err != nil {
		return whose, fmt.Errorf("reading whose store it is: %s: %w", filepath.Join(folder, ownerFile), err)
	}
	return whose, nil
}

// lookInto tells what a store folder is. A member that never heard of a leader has nothing, and is empty.
func lookInto(folder string) (storeKind, error) {
	formed, err := anyFile(groupFolder(folder), func(path string, size int64) bool {
		in := filepath.Base(filepath.Dir(path))
		return in == "snapshots" || in == "msgs" && strings.HasSuffix(path, ".blk") && size > 0
	})
	if formed || err != nil {
		return memberStore, err
	}
	streams, err := os.ReadDir(streamsFolder(folder))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(streams) == 0 {
		return emptyStore, nil
	}
	return loneStore, err
}

// anyFile tells whether one file below a folder is such.
func anyFile(folder string, such func(path string, size int64) bool) (bool, error) {
	any := false
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if such(path, info.Size()) {
			any = true
			return fs.SkipAll
		}
		return nil
	})
	return any, err
}

// peerID is how the embedded server calls a node in its groups: eight digits made of the name.
func peerID(name string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(name))
	id := sum[:8]
	for i := range id {
		id[i] = digits[int(id[i])%len(digits)]
	}
	return string(id)
}

// replaceFile writes a file so that after a crash there is the old one or the new one, whole.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(storeFilePerm), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
