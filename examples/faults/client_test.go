//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"picket/cmd/picket/dev"
)

const (
	appURL     = "http://app.localhost:8000"
	authURL    = "http://auth.localhost:8000"
	cookieName = "picket"

	askPatience   = 5 * time.Second  // of a client with one request
	writePatience = 30 * time.Second // of one that signs in or revokes
)

// people are those who sign in: some who may, and one who may not.
func people() []dev.Person {
	all := []dev.Person{{Name: strangest, FullName: "Mallory Moore"}}
	for i := range 12 {
		all = append(all, dev.Person{Name: fmt.Sprintf("p%02d", i), FullName: "Some Person", Groups: []string{"staff"}})
	}
	return all
}

// hops are enough for a sign-in, and for another one behind it: the person may have been signed out meanwhile.
const hops = 25

// client does one thing after the other at one target, and records all of it.
type client struct {
	cluster *cluster
	history *history
	target  string
	pool    *http.Transport
}

// newClient is a client of a target: a node's name, or balancer.
func newClient(c *cluster, h *history, target string) *client {
	pool := &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 5 * time.Second, DisableKeepAlives: target == balancer}
	pool.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		if strings.Contains(to, ".localhost:") {
			to = c.door(target)
		}
		return (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, network, to)
	}
	return &client{cluster: c, history: h, target: target, pool: pool}
}

// session is one that was acknowledged.
type session struct {
	id, person, cookie string
	since              time.Duration
}

// ask makes one request with a session, and tells what came of it.
func (k *client) ask(s session, required bool, patience time.Duration) event {
	e := event{kind: ask, target: k.target, person: s.person, session: s.id, required: required, began: k.history.now()}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e.outcome, e.note = k.outcome(ctx, s)
	return k.history.add(e)
}

func (k *client) outcome(ctx context.Context, s session) (o outcome, note string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, appURL+"/", nil)
	if err != nil {
		return strange, err.Error()
	}
	request.Header.Set("Accept", "application/json")
	request.AddCookie(&http.Cookie{Name: cookieName, Value: s.cookie})
	response, body, err := exchange(&http.Client{Transport: k.pool, CheckRedirect: unfollowed}, request)
	if err != nil {
		return unanswered, err.Error()
	}
	switch response.StatusCode {
	case http.StatusOK:
		who, _, _ := strings.Cut(body, "@")
		return admitted, who
	case http.StatusUnauthorized, http.StatusFound:
		return sentToSignIn, ""
	case http.StatusForbidden:
		return denied, ""
	case http.StatusServiceUnavailable:
		return unavailable, body[:min(len(body), 200)]
	}
	return strange, response.Status + ": " + body[:min(len(body), 200)]
}

func unfollowed(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func exchange(client *http.Client, request *http.Request) (*http.Response, string, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// requestField is the hidden field of the provider's page.
var requestField = regexp.MustCompile(`name="request" value="([^"]+)"`)

// signIn goes through a whole sign-in with a new browser. It is acknowledged when the application's cookie has come.
func (k *client) signIn(person string) (s session, ok bool) {
	e := event{kind: signIn, target: k.target, person: person, began: k.history.now()}
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	s = session{person: person}
	e.outcome, e.note, s.cookie = k.arrive(ctx, person)
	if e.outcome == done {
		s.id = strings.Split(s.cookie, ".")[1]
	}
	e.session = s.id
	s.since = k.history.add(e).ended
	return s, e.outcome == done
}

// arrive follows a sign-in to its end: the page of the application, or of somebody who says why not.
func (k *client) arrive(ctx context.Context, person string) (o outcome, note, cookie string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return strange, err.Error(), ""
	}
	browser := &http.Client{Transport: k.pool, Jar: jar, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > hops {
			return fmt.Errorf("redirected %d times", hops)
		}
		return nil
	}}
	response, body, err := k.browse(ctx, browser, http.MethodGet, appURL+"/", nil)
	if err != nil {
		return unanswered, err.Error(), ""
	}
	if field := requestField.FindStringSubmatch(body); field != nil {
		form := url.Values{"request": {field[1]}, "person": {person}}
		login := response.Request.URL.ResolveReference(&url.URL{Path: "/login"})
		if response, body, err = k.browse(ctx, browser, http.MethodPost, login.String(), form); err != nil {
			return unanswered, err.Error(), ""
		}
	}
	app, _ := url.Parse(appURL) // a constant
	for _, c := range jar.Cookies(app) {
		if c.Name == cookieName && strings.Count(c.Value, ".") == 2 {
			return done, "", c.Value // whatever came of the page behind it
		}
	}
	o = strange
	switch response.StatusCode {
	case http.StatusServiceUnavailable:
		o = unavailable
	case http.StatusBadRequest, http.StatusBadGateway:
		o = turnedAway
	}
	return o, fmt.Sprintf("%s from %s: %s", response.Status, response.Request.URL.Path, words(body)), ""
}

func (k *client) browse(ctx context.Context, browser *http.Client, method, at string, form url.Values) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Accept", "text/html")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return exchange(browser, request)
}

// tags are the parts of a page that say nothing.
var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>|\n\s*`)

func words(body string) string {
	text := strings.Join(strings.Fields(tags.ReplaceAllString(body, " ")), " ")
	return text[:min(len(text), 200)]
}

// revoke ends a session at a node's admin address, or for a session without an id all of the person's.
func (k *client) revoke(n *node, s session) event {
	kind, path := revokeSession, "/v1/sessions/"+s.id
	if s.id == "" {
		kind, path = revokeUser, "/v1/users/"+s.person+"@example.com/sessions"
	}
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	announced := k.history.begin(event{kind: kind, target: k.target, person: s.person, session: s.id})
	o, note := k.operate(ctx, n, http.MethodDelete, path, "")
	return k.history.end(announced, o, "", note)
}

// lock bars a session at a node's admin address; the event has the lock.
func (k *client) lock(n *node, s session) event {
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	announced := k.history.begin(event{kind: lock, target: k.target, person: s.person, session: s.id})
	o, body := k.operate(ctx, n, http.MethodPost, "/v1/locks", `{"kind": "session", "target": "`+s.id+`", "reason": "a fault", "author": "suite"}`)
	if o != done {
		return k.history.end(announced, o, "", body)
	}
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || made.ID == "" {
		return k.history.end(announced, strange, "", body)
	}
	return k.history.end(announced, done, made.ID, "")
}

// unlock removes a lock of a session.
func (k *client) unlock(n *node, s session, id string) event {
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	announced := k.history.begin(event{kind: unlock, target: k.target, person: s.person, session: s.id, lock: id})
	o, body := k.operate(ctx, n, http.MethodDelete, "/v1/locks/"+id, "")
	return k.history.end(announced, o, id, body)
}

// operate sends a request to a node's admin address.
func (k *client) operate(ctx context.Context, n *node, method, path, body string) (o outcome, answer string) {
	request, err := http.NewRequestWithContext(ctx, method, k.cluster.admin(n, path), strings.NewReader(body))
	if err != nil {
		return strange, err.Error()
	}
	response, answer, err := exchange(&http.Client{Transport: k.pool}, request)
	if err != nil {
		return unanswered, err.Error()
	}
	switch response.StatusCode {
	case http.StatusOK:
		return done, answer
	case http.StatusNotFound:
		return absent, answer
	case http.StatusServiceUnavailable:
		return unavailable, answer
	}
	return strange, response.Status + ": " + answer
}
