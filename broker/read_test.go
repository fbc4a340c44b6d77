package broker

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func TestAReplicaIsBelievedOnlyAsFarAsItProvesToBe(t *testing.T) {
	ctx := t.Context()
	nodes, _ := three(t)
	bucket := open(t, nodes[0], Spec{Name: "sessions", Decides: true})
	revision, err := bucket.Create(ctx, "a", note{"one"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a replica has it", 5*time.Second, func() bool {
		r, err := bucket.raw.askReplica(ctx, "a", revision)
		return err == nil && r.sequence == revision
	})
	if _, err := bucket.raw.askReplica(ctx, "a", revision+1000); !errors.Is(err, errBehind) {
		t.Errorf("a replica that is behind is believed: %v", err)
	}
	if _, err := bucket.raw.askReplica(ctx, "absent", 0); !errors.Is(err, errBehind) {
		t.Errorf("a replica may say that there is nothing: %v", err)
	}
	if err := bucket.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no replica gives out what was removed", 5*time.Second, func() bool {
		_, err := bucket.raw.askReplica(ctx, "a", revision+1)
		return errors.Is(err, errBehind)
	})
}

func TestManyListsAtOnceAllSucceed(t *testing.T) {
	ctx := t.Context()
	nodes, _ := three(t)
	bucket := open(t, nodes[0], Spec{Name: "sessions", Decides: true})
	for i := range 20 {
		if _, err := bucket.Put(ctx, fmt.Sprintf("k%d", i), note{"x"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	var group errgroup.Group
	for range 40 {
		group.Go(func() error {
			n := 0
			for _, err := range bucket.List(ctx) {
				if err != nil {
					return err
				}
				n++
			}
			if n != 20 {
				return fmt.Errorf("%d records", n)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
