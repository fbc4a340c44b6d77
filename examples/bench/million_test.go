//go:build bench

package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
)

const (
	// startWithMany is the most that a node may take to be ready with a million sessions in its store, in seconds.
	startWithMany = 5
	fillersAtOnce = 256
	sessionLife   = 14 * time.Hour
)

// stored is a session as a store holds it.
type stored struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	Identity string    `json:"identity"`
	Begun    time.Time `json:"begun"`
	Expires  time.Time `json:"expires"`
	Seen     time.Time `json:"seen"`
	Agent    string    `json:"user_agent"`
}

// million measures a node that is started with many sessions in its store: alone on disk, and as one of three that were given
// the same sessions by `picket restore`. The baseline is the same node with an empty store.
func (s *suite) million(t *testing.T) {
	application := launchApplication(t)
	one := s.newCluster(t, 1, application, nil)
	one.Stored = true
	fill(t, one.config(), clusterTemplate, one)
	empty := one.start().Seconds()
	emptyMemory := one.nodes[0].resident(t)
	one.wipe()
	s.say("million: writing %d sessions", s.stored)
	one.fillStore(t, s.stored)
	full := one.start().Seconds()
	time.Sleep(idleTime)
	fullMemory := one.nodes[0].resident(t)
	what, of := fmt.Sprintf("%d sessions in store, once: ", s.stored), "an empty store"
	s.add(
		row{what + "start of a node alone on disk, to ready", full, duration, empty, of, atMost(startWithMany)},
		row{what + "its memory", fullMemory, size, emptyMemory, of, goal{}},
	)
	file := filepath.Join(t.TempDir(), "sessions.backup")
	saved := s.picket(t, one, one.nodes[0], "backup", file)
	one.wipe()

	three := s.newCluster(t, 3, application, nil)
	three.secret = one.secret // a backup is read with the secret that it was made with
	emptyThree := three.start().Seconds()
	restored := s.picket(t, three, three.nodes[0], "restore", file, "--force")
	three.settle()
	n := three.nodes[2]
	again := three.restart(n).Seconds()
	three.settle()
	time.Sleep(idleTime)
	memory := three.largest()
	n.kill()
	n.start(three)
	afterKill := n.untilReady().Seconds()
	s.add(
		row{what + "picket backup", saved.Seconds(), duration, 0, "", goal{}},
		row{what + "picket restore into three nodes", restored.Seconds(), duration, 0, "", goal{}},
		row{what + "restart of one of three, to ready", again, duration, emptyThree, "start of three, empty", atMost(startWithMany)},
		row{what + "start of one of three after a kill -9, to ready", afterKill, duration, emptyThree, "start of three, empty", goal{}},
		row{what + "memory of the largest of three", memory, size, emptyMemory, of, goal{}},
	)
}

// fillStore writes sessions into the store of a node that does not run.
func (c *cluster) fillStore(t *testing.T, count int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	b, err := broker.New(broker.Options{
		Cluster: "bench", Node: c.nodes[0].name, Secrets: [][]byte{[]byte(c.secret)}, Store: c.nodes[0].store, Sync: time.Minute, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Open(ctx); err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(ctx)
	var parts errgroup.Group
	parts.Go(func() error { return b.Run(running) })
	if err := putMany(ctx, b, count); err != nil {
		t.Fatal(err)
	}
	end()
	if err := parts.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func putMany(ctx context.Context, b *broker.Broker, count int) error {
	sessions, err := broker.OpenBucket[stored](ctx, b, broker.Spec{Name: "sessions", Decides: true, Unique: true})
	if err != nil {
		return err
	}
	begun := time.Now()
	put, ctx := errgroup.WithContext(ctx)
	put.SetLimit(fillersAtOnce)
	for i := range count {
		put.Go(func() error {
			id := "bench" + strconv.Itoa(i)
			_, err := sessions.Put(ctx, id, stored{
				ID: id, User: "user" + strconv.Itoa(i/3), Identity: "dev", Begun: begun, Expires: begun.Add(sessionLife), Seen: begun,
				Agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
			}, sessionLife)
			return err
		})
	}
	return put.Wait()
}

// picket runs a command at a node and tells how long it took.
func (s *suite) picket(t *testing.T, c *cluster, n *node, args ...string) time.Duration {
	t.Helper()
	begun := time.Now()
	cmd := exec.CommandContext(t.Context(), s.binary, append(args, "--admin", n.admin)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("picket %v: %v\n%s\n%s", args, err, out, n.lastWords())
	}
	took := time.Since(begun)
	s.say("million: picket %s took %s", args[0], took.Round(time.Millisecond))
	return took
}
