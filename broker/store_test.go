package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

func TestAPeersIDIsTheServersOwn(t *testing.T) {
	b := start(t, Options{Node: "node-one.example"})
	if id := b.server.Node(); id != peerID("node-one.example") {
		t.Errorf("the server says %s, and we %s", id, peerID("node-one.example"))
	}
}

// touch makes a file and the folders above it.
func touch(t *testing.T, text string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestAStoreThatIsNotThisNodesIsRefused(t *testing.T) {
	peers := []Peer{{"n1", "127.0.0.1:1"}, {"n2", "127.0.0.1:2"}, {"n3", "127.0.0.1:3"}}
	member := func(t *testing.T, whose string) string {
		store := t.TempDir()
		touch(t, "entries", groupFolder(store), "msgs", "1.blk")
		touch(t, whose, store, ownerFile)
		return store
	}
	for what, c := range map[string]struct {
		whose string
		peers []Peer
		said  string // "": it is taken
	}{
		"its own":               {`{"cluster":"test","node":"n1"}`, peers, ""},
		"another node's":        {`{"cluster":"test","node":"n2"}`, peers, "is that of node n2"},
		"another cluster's":     {`{"cluster":"other","node":"n1"}`, peers, "is that of cluster other"},
		"of several, now alone": {`{"cluster":"test","node":"n1"}`, peers[:1], "cannot be used by one node alone"},
		"a torn owner":          {`{"clu`, peers, "reading whose store it is"},
	} {
		t.Run(what, func(t *testing.T) {
			b, err := New(Options{Cluster: "test", Node: "n1", Secrets: [][]byte{testSecret}, Peers: c.peers, Store: member(t, c.whose), Log: zerolog.Nop()})
			if err != nil {
				t.Fatal(err)
			}
			kind, err := b.prepareStore()
			if c.said == "" && (err != nil || kind != memberStore) {
				t.Errorf("%v %v", kind, err)
			}
			if c.said != "" && (err == nil || !strings.Contains(err.Error(), c.said)) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

func TestAGrowthThatWasCutOffIsEndedOrBegunAgain(t *testing.T) {
	read := func(store string) string {
		text, err := os.ReadFile(filepath.Join(store, storeFolder, "which"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(text)
	}
	for what, c := range map[string]struct {
		first, made, complete, kept bool
		want                        string
	}{
		"nothing was begun":            {first: true, want: "first"},
		"the copy was not whole":       {first: true, made: true, want: "first"},
		"the copy was whole":           {first: true, made: true, complete: true, want: "made"},
		"the first was set aside":      {kept: true, made: true, complete: true, want: "made"},
		"the copy was in its place":    {first: true, kept: true, complete: true, want: "first"},
		"an older one was kept before": {first: true, made: true, kept: true, complete: true, want: "made"},
	} {
		t.Run(what, func(t *testing.T) {
			store := t.TempDir()
			if c.first {
				touch(t, "first", store, storeFolder, "which")
			}
			if c.made {
				touch(t, "made", store, growingFolder, storeFolder, "which")
			}
			if c.complete {
				touch(t, "", store, growingFolder, completeFile)
			}
			if c.kept {
				touch(t, "kept", store, aloneFolder, "which")
			}
			for range 2 { // the second finds nothing to do
				if err := finishGrowth(store); err != nil {
					t.Fatal(err)
				}
				if got := read(store); got != c.want {
					t.Errorf("in place is %q", got)
				}
			}
		})
	}
}

// growingStore is where TestGrowInAProcess, in a process of its own, finds the store that it is to grow.
const growingStore = "PICKET_TEST_GROWING_STORE"

// growHere grows a store whose other peers are not there.
func growHere(ctx context.Context, store string) (*Broker, error) {
	b, err := New(Options{
		Cluster: "test", Node: "n1", Secrets: [][]byte{testSecret}, Store: store, Log: zerolog.Nop(),
		Peers: []Peer{{"n1", "127.0.0.1:1"}, {"n2", "127.0.0.1:2"}, {"n3", "127.0.0.1:3"}},
	})
	if err != nil {
		return nil, err
	}
	kind, err := b.prepareStore()
	if err == nil && kind == loneStore {
		err = b.grow(ctx)
	}
	return b, err
}

func TestGrowInAProcess(t *testing.T) {
	if store := os.Getenv(growingStore); store != "" {
		if _, err := growHere(t.Context(), store); err != nil {
			t.Fatal(err)
		}
	}
}

func TestANodeKilledWhileItGrowsLosesNothing(t *testing.T) {
	t.Parallel() // it mostly waits
	store := t.TempDir()
	lone, err := New(Options{Cluster: "test", Node: "n1", Secrets: [][]byte{testSecret}, Store: store, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := lone.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	const records = 3000
	ctx, bucket := unhurried(t), patiently(t, lone, Spec{Name: "sessions"})
	for i := range records {
		if _, err := bucket.Put(ctx, fmt.Sprintf("k%d", i), note{"kept"}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := lone.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, after := range []string{growingFolder, filepath.Join(growingFolder, streamsFolder("")), filepath.Join(growingFolder, streamsFolder(""), "KV_sessions", "msgs")} {
		killWhen(t, store, filepath.Join(store, after))
	}
	if _, err := growHere(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	if kind, err := lookInto(store); err != nil || kind != memberStore {
		t.Fatalf("%v %v", kind, err)
	}
	for _, folder := range []string{filepath.Join(store, aloneFolder), filepath.Join(store, storeFolder)} {
		if n := recordsIn(t, folder); n != records {
			t.Errorf("%s has %d records", folder, n)
		}
	}
}

// killWhen grows the store in a process of its own and kills it as soon as a file is there, or a growth is over.
func killWhen(t *testing.T, store, file string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestGrowInAProcess$")
	c.Env = append(os.Environ(), growingStore+"="+store)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the growth gets as far as "+file, func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	if _, err := os.Stat(filepath.Join(store, storeFolder)); err != nil {
		t.Errorf("killed at %s: %v", file, err)
	}
}

// recordsIn opens a server's folder as that of a lone server, and counts.
func recordsIn(t *testing.T, folder string) uint64 {
	t.Helper()
	place := t.TempDir()
	if err := os.CopyFS(filepath.Join(place, storeFolder), os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{Cluster: "test", Node: "reader", Secrets: [][]byte{testSecret}, Store: place, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	local, err := b.localBroker(b.options)
	if err != nil {
		t.Fatal(err)
	}
	defer local.shut(context.WithoutCancel(t.Context()))
	if err := local.startLocal(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := local.server.Jsz(&server.JSzOptions{Account: account, Streams: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range info.AccountDetails {
		for _, s := range a.Streams {
			if s.Name == "KV_sessions" {
				return s.State.Msgs
			}
		}
	}
	return 0
}
