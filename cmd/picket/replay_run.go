package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/node/authz"
	"picket/node/config"
	"picket/policy"
)

// replay decides recorded requests anew.
type replay struct {
	set     *policy.Set
	routes  map[string]*config.Route
	headers []string // that policies read
	blocks  []string // of data, that policies may read
	since   time.Time
}

func newReplay(conf *config.Config, since time.Time) *replay {
	r := &replay{set: conf.Policies, routes: map[string]*config.Route{}, headers: conf.Policies.Headers(), since: since}
	for i := range conf.Routes {
		r.routes[conf.Routes[i].Name] = &conf.Routes[i]
	}
	for _, block := range conf.Data {
		r.blocks = append(r.blocks, block.Name)
	}
	return r
}

// run decides all records, on all cores, and tells how many it has read.
func (r *replay) run(ctx context.Context, records io.Reader, progress func(read int, done bool)) (*replayReport, error) {
	group, ctx := errgroup.WithContext(ctx)
	queue := make(chan piece, runtime.GOMAXPROCS(0))
	group.Go(func() error {
		defer close(queue)
		defer progress(0, true)
		return pieces(records, pieceSize, func(p piece) error {
			progress(p.first-1, false)
			select {
			case queue <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	tallies := make([]*tally, runtime.GOMAXPROCS(0))
	for i := range tallies {
		tallies[i] = newTally(r)
		group.Go(func() error {
			for p := range queue {
				tallies[i].take(p)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := tallies[0]
	for _, other := range tallies[1:] {
		all.add(other)
	}
	if all.decisions == 0 && all.unreadable > 0 {
		return nil, all.bad
	}
	return all.report(), nil
}

// decide is what the route of a record decides now; gone: there is none any more.
func (r *replay) decide(route string, in *policy.Input) (d policy.Decision, gone bool) {
	now, ok := r.routes[route]
	if !ok {
		return policy.Decision{}, true
	}
	return authz.Evaluate(r.set, now, in), false
}

// piece is some lines of the records.
type piece struct {
	first int // number of the first line
	text  []byte
}

// The size of pieces, and of the longest line, in bytes.
const (
	pieceSize = 256 << 10
	maxRecord = 16 << 20
)

// pieces cuts what is read at the ends of lines, into pieces of about a size in bytes.
func pieces(in io.Reader, size int, each func(piece) error) error {
	var rest []byte
	for line := 1; ; {
		text, err := fill(in, size, rest)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := bytes.LastIndexByte(text, '\n') + 1
		if err != nil {
			end = len(text)
		}
		if end > 0 {
			if err := each(piece{line, text[:end:end]}); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		line += bytes.Count(text[:end], []byte("\n"))
		if rest = text[end:]; len(rest) > maxRecord {
			return fmt.Errorf("line %d is longer than %d MiB", line, maxRecord>>20)
		}
	}
}

// fill is the rest of the piece before, and as much as a piece holds behind it.
func fill(in io.Reader, size int, rest []byte) ([]byte, error) {
	text := append(make([]byte, 0, len(rest)+size), rest...)
	for len(text) < cap(text) {
		n, err := in.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err != nil {
			return text, err
		}
	}
	return text, nil
}
