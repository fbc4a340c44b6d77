package authn

// Change is a session or a user that changed or went. The zero Change means that any may have.
type Change struct {
	Session string // id; "" when it is about a user
	User    string // id; "" when it is about a session
}

// OnChange has f called after each change of a session, a user or a user's groups, in order, from the feed: f must not
// wait. Identify gives the new answer by then. It may be called at any time.
func (a *Authn) OnChange(f func(Change)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watchers = append(a.watchers, f)
}

// watch takes what the feeds say of changes.
func (a *Authn) watch() {
	a.knownSessions.OnChange(func(id string, _ bool) { a.tell(Change{Session: id}) })
	a.knownUsers.OnChange(func(id string, _ bool) { a.tell(Change{User: id}) })
	a.knownGroups.OnChange(func(id string, _ bool) { a.tell(Change{User: id}) })
	a.knownKeys.OnChange(func(string, bool) {
		select {
		case a.rekey <- struct{}{}:
		default: // asked for already
		}
	})
}

func (a *Authn) tell(c Change) {
	if c.User == "" {
		a.wake(c.Session)
	}
	a.mu.Lock()
	watchers := a.watchers
	a.mu.Unlock()
	for _, f := range watchers {
		f(c)
	}
}
