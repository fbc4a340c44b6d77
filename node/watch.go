package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"

	"picket/node/config"
)

const (
	// quiet is how long nothing may have happened before the files are read: who writes several does so one by one.
	quiet = 200 * time.Millisecond
	// unquiet is how long that is waited for.
	unquiet = 2 * time.Second
	// lookEvery is how often the files are read without being told that they changed: some file systems do not tell.
	lookEvery = 30 * time.Second
)

// watcher tells when the files of a configuration may have changed: those that it was read from, with every folder and
// link on the way to them, so that it is told too when a folder is replaced or a link is put elsewhere (as Kubernetes does);
// and what comes into the folder, when it is one.
type watcher struct {
	changes chan struct{} // holds one token when something may have changed
	log     zerolog.Logger

	mu     sync.Mutex
	names  map[string]bool   // guarded by mu: cleaned paths whose change is told
	folder string            // guarded by mu: whose *.hcl are told whatever their names; "": none
	notify *fsnotify.Watcher // guarded by mu; nil: not running
}

func newWatcher(r config.Reading, log zerolog.Logger) *watcher {
	w := &watcher{changes: make(chan struct{}, 1), log: log}
	w.follow(r)
	return w
}

// follow watches what a reading looked at.
func (w *watcher) follow(r config.Reading) {
	names := map[string]bool{}
	for _, path := range append([]string{r.Path}, r.Files...) {
		if absolute, err := filepath.Abs(path); err == nil {
			onTheWay(absolute, names)
		}
	}
	folder := ""
	if resolved, err := filepath.EvalSymlinks(r.Path); err == nil {
		if info, err := os.Stat(resolved); err == nil && info.IsDir() {
			folder, _ = filepath.Abs(resolved) // it was made absolute above
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names, w.folder = names, folder
	w.watch()
}

// longestWay is how many folders and links may lead to a file: a ring of links has no end.
const longestWay = 255

// onTheWay adds to names an absolute path, each folder above it, and whatever links on it lead to: all that can make it
// another file when it changes.
func onTheWay(path string, names map[string]bool) {
	rest := strings.Split(strings.Trim(filepath.ToSlash(path), "/"), "/")
	at := "/"
	for step := 0; len(rest) > 0 && step < longestWay; step++ {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		names[next] = true
		target, err := os.Readlink(next)
		switch {
		case err != nil: // no link, or not there
			at = next
		case filepath.IsAbs(target):
			at, rest = "/", append(parts(target), rest...)
		default:
			rest = append(parts(filepath.Join(at, target)), rest...)
			at = "/"
		}
	}
}

// parts are the names on an absolute path.
func parts(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == filepath.Separator })
}

// watch watches the folders of all names. What cannot be watched is looked at from time to time. mu is held.
func (w *watcher) watch() {
	if w.notify == nil {
		return
	}
	wanted := map[string]bool{}
	if w.folder != "" {
		wanted[w.folder] = true
	}
	for name := range w.names {
		wanted[filepath.Dir(name)] = true
	}
	for _, old := range w.notify.WatchList() {
		if !wanted[old] {
			_ = w.notify.Remove(old) // it may be gone
		}
	}
	for folder := range wanted {
		if err := w.notify.Add(folder); err != nil && !os.IsNotExist(err) {
			w.log.Debug().Err(err).Str("folder", folder).Msg("not watched")
		}
	}
}

// run tells of changes until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.log.Warn().Err(err).Dur("every_ms", lookEvery).Msg("the configuration's files cannot be watched; looking at them from time to time")
		notify = &fsnotify.Watcher{}
	} else {
		defer notify.Close()
		w.mu.Lock()
		w.notify = notify
		w.watch()
		w.mu.Unlock()
	}
	w.tell() // of what happened since they were read
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			w.tell()
		case <-notify.Errors: // too much at once, as a rule: something was missed
			w.tell()
		case event := <-notify.Events:
			if w.concerns(event.Name) {
				w.settle(ctx, notify)
				w.tell()
			}
		}
	}
}

// concerns tells whether a change of this path may change the configuration.
func (w *watcher) concerns(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[path] || w.folder != "" && filepath.Dir(path) == w.folder && filepath.Ext(path) == ".hcl"
}

// settle waits until nothing more happens.
func (w *watcher) settle(ctx context.Context, notify *fsnotify.Watcher) {
	enough := time.NewTimer(unquiet)
	defer enough.Stop()
	calm := time.NewTimer(quiet)
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-enough.C:
			return
		case <-calm.C:
			w.mu.Lock()
			w.watch() // folders may have come
			w.mu.Unlock()
			return
		case event := <-notify.Events:
			if w.concerns(event.Name) {
				calm.Reset(quiet)
			}
		}
	}
}

func (w *watcher) tell() {
	select {
	case w.changes <- struct{}{}:
	default: // told already
	}
}
