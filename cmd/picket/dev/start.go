package dev

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// start runs everything at once, until ctx ends or one part fails.
func (d *Dev) start(ctx context.Context, p *parts) error {
	restore, err := d.libraryLog()
	if err != nil {
		return err
	}
	defer restore()
	hurry, done := context.WithCancel(context.Background())
	var second sync.WaitGroup
	second.Go(func() { d.awaitSecond(ctx, hurry, done) })
	defer second.Wait()
	defer done()
	defer d.print.finish()
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(running, p.provider, d.provider) })
	group.Go(func() error { return serve(running, p.app, p.application) })
	group.Go(func() error { return p.balancer.Serve(running, p.front) })
	for _, m := range d.members {
		group.Go(func() error { return m.run(running, hurry) })
		group.Go(func() error { return m.watch(running, p.balancer) })
	}
	group.Go(func() error { return d.announce(running) })
	return group.Wait()
}

// announce waits until every node is ready, and then says what there is.
func (d *Dev) announce(ctx context.Context) error {
	began := time.Now()
	var names []string
	for _, m := range d.members {
		names = append(names, m.name)
	}
	text := "starting " + strings.Join(names, " ") + " … "
	d.print.begin(text)
	late := time.NewTimer(d.options.StartTimeout)
	defer late.Stop()
	for _, m := range d.members {
		select {
		case <-ctx.Done():
			return nil
		case <-m.up:
		case <-late.C:
			return fmt.Errorf("%s was not ready within %s; its log ends with:\n%s", m.name, d.options.StartTimeout, lastLines(m.log, 10))
		}
	}
	d.print.end(text, d.print.paint(green, "ready in "+seconds(time.Since(began))))
	d.print.say("%s", d.banner())
	close(d.ready)
	return nil
}

// awaitSecond waits until the user has asked to end, and then until they ask for the second time: then it kills. It
// ends when hurry does, which the end of the run sees to.
func (d *Dev) awaitSecond(ctx, hurry context.Context, kill func()) {
	select {
	case <-hurry.Done():
		return
	case <-ctx.Done():
	}
	again, stop := signal.NotifyContext(hurry, os.Interrupt, syscall.SIGTERM)
	defer stop()
	d.print.say("stopping; once more kills what is left")
	<-again.Done()
	kill()
}

// libraryLog has the provider's library, which logs to the process's default logger and to no other, log to a file
// of the folder while we run: what clients did wrong is for who looks for it, not for the terminal.
func (d *Dev) libraryLog() (restore func(), err error) {
	file, err := os.OpenFile(d.folder.file("provider.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the provider's log: %w", err)
	}
	logger, out, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(file, nil)))
	return func() {
		slog.SetDefault(logger)
		log.SetOutput(out)
		log.SetFlags(flags)
		file.Close()
	}, nil
}
