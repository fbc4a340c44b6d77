package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// defaultAdmin is where a node listens for its operator unless it is told otherwise.
const defaultAdmin = "127.0.0.1:9901"

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// admin is a running node, as its operator sees it.
type admin struct {
	shown  string // what the user gave, for messages
	base   string // http://HOST:PORT, without a path
	client *http.Client
}

// status is the answer of GET /v1/status.
type status struct {
	Node      string           `json:"node"`
	Cluster   string           `json:"cluster"`
	Version   string           `json:"version"`
	Since     time.Time        `json:"since"`
	Ready     bool             `json:"ready"`
	Unready   unready          `json:"unready"`
	Fresh     bool             `json:"fresh"`        // it admits: what it knows is no older than max_staleness
	Staleness int64            `json:"staleness_ms"` // -1: never proved
	Digest    string           `json:"digest"`       // of its configuration
	Config    configuration    `json:"configuration"`
	Nodes     []nodeStatus     `json:"nodes"`
	Buckets   []bucketStatus   `json:"buckets"`
	Feeds     []feedStatus     `json:"feeds"`
	Providers []providerStatus `json:"providers"`
	Upstreams []upstreamStatus `json:"upstreams"`
	Certs     []certificate    `json:"certificates"`
	Errors    []string         `json:"errors"` // what the node could not find out
}

// unready is why a node is not ready.
type unready struct {
	Why   string    `json:"why"`   // "": it is, or does not say
	Since time.Time `json:"since"` // zero: not known
}

type nodeStatus struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Digest  string      `json:"digest"`
	Address string      `json:"address"`
	Since   time.Time   `json:"since"`
	Seen    time.Time   `json:"seen"`
	Drift   bool        `json:"drift"` // its configuration is not the one of the node that answers
	Gone    bool        `json:"gone"`
	Stores  bool        `json:"stores"` // it is counted among those who keep state
	Peer    bool        `json:"peer"`   // it is in peers of the node that answers
	State   *peerStatus `json:"state"`  // nil: it keeps no state, or nobody could tell
	Ahead   float64     `json:"ahead"`  // seconds that its clock is ahead of the node that answers; below zero: behind
}

// peerStatus is a node that keeps state, as their leader sees it.
type peerStatus struct {
	Leader  bool   `json:"leader"`
	Online  bool   `json:"online"`
	Current bool   `json:"current"`
	Lag     uint64 `json:"lag"` // operations behind the leader
}

type bucketStatus struct {
	Name     string          `json:"name"`
	Leader   string          `json:"leader"` // "": none is elected, or there is one copy alone
	Records  uint64          `json:"records"`
	Unknown  bool            `json:"unknown"` // its leader does not answer
	Wanted   int             `json:"wanted"`  // how many nodes are to hold it; 0: an older node does not say
	Replicas []replicaStatus `json:"replicas"`
}

// feedStatus is how fresh what a node knows of a bucket is.
type feedStatus struct {
	Name      string `json:"name"`
	Fresh     bool   `json:"fresh"`
	Staleness int64  `json:"staleness_ms"` // -1: not proved
	Why       string `json:"why"`          // why it was not proved when last tried; "": it was
}

type replicaStatus struct {
	Name    string `json:"name"`
	Leader  bool   `json:"leader"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline"`
	Lag     uint64 `json:"lag"` // operations behind the leader
}

type providerStatus struct {
	Name      string    `json:"name"`
	Issuer    string    `json:"issuer"`
	Reachable bool      `json:"reachable"`
	Error     string    `json:"error"`    // "" with Reachable false: it was not asked yet; with true: its clock is not the node's
	Since     time.Time `json:"since"`    // zero: it was not asked yet
	Circuit   string    `json:"circuit"`  // closed, half_open, open
	Failures  int       `json:"failures"` // in a row
}

// session is one sign-in of one person in one browser.
type session struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Groups    []string  `json:"groups"`
	Identity  string    `json:"identity"`
	Begun     time.Time `json:"begun"`
	Expires   time.Time `json:"expires"`
	Seen      time.Time `json:"seen"`
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent"`
	Device    string    `json:"device"`
	Lock      string    `json:"lock"`    // id of the lock that bars it; "": none does
	Program   bool      `json:"program"` // a program holds it, not the browser that signed in
}

// sessions is the answer of GET /v1/sessions.
type sessions struct {
	Sessions []session `json:"sessions"`
}

// revoked is the answer of a DELETE: how many sessions it ended.
type revoked struct {
	Revoked int `json:"revoked"`
}

// addAdminFlag lets a command reach a node.
func addAdminFlag(c *cobra.Command) {
	c.PersistentFlags().String("admin", "", "admin address of a node: HOST:PORT, http://HOST:PORT or unix:PATH (default $PICKET_ADMIN, else "+defaultAdmin+")")
}

// admin is the node that the command line or the environment names.
func (t terminal) admin(c *cobra.Command) (*admin, error) {
	address := c.Flag("admin").Value.String()
	if address == "" {
		address = t.env("PICKET_ADMIN")
	}
	if address == "" {
		address = defaultAdmin
	}
	return newAdmin(address)
}

func newAdmin(address string) (*admin, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{Proxy: nil, DialContext: dialer.DialContext, DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute}
	a := &admin{shown: address, client: &http.Client{Transport: transport, Timeout: time.Minute}}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
		a.base = "http://picket"
		return a, nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, misused("%q is no admin address: give HOST:PORT, http://HOST:PORT or unix:PATH", a.shown)
	}
	a.base = u.Scheme + "://" + u.Host
	return a, nil
}

// do asks the node and decodes its answer into v. The JSON itself is returned too: a newer node may say more in it than
// we know of.
func (a *admin) do(ctx context.Context, method, path string, v any) (json.RawMessage, error) {
	return a.send(ctx, method, path, nil, v)
}

// send is do with something to say.
func (a *admin) send(ctx context.Context, method, path string, body []byte, v any) (json.RawMessage, error) {
	res, err := a.ask(ctx, a.client, method, path, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer of %s: %w", a.shown, err)
	case len(text) > maxAnswer:
		return nil, fmt.Errorf("the answer of %s is longer than %s: ask for less", a.shown, bytesText(maxAnswer))
	case json.Unmarshal(text, v) != nil:
		return nil, a.noPicket()
	}
	return text, nil
}

// stream is an answer of any length, read while it comes. Who asks closes it.
func (a *admin) stream(ctx context.Context, path string) (io.ReadCloser, error) {
	patient := &http.Client{Transport: a.client.Transport} // the timeout of the other one is for the whole answer
	res, err := a.ask(ctx, patient, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// ask is an answer that is no refusal.
func (a *admin) ask(ctx context.Context, client *http.Client, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", a.shown, err)
	}
	req.Header.Set("Accept", "application/json, application/x-ndjson")
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, a.unreachable(err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", a.shown, err)
	}
	return nil, a.refused(res.StatusCode, text)
}

// noPicket is what to think of an answer that is not ours.
func (a *admin) noPicket() error {
	return fmt.Errorf("what answers at %s is no picket: is --admin right?", a.shown)
}

// unreachable says what to look at when nobody answers.
func (a *admin) unreachable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("the picket at %s did not answer in time: try again, or ask another node with --admin", a.shown)
	}
	return fmt.Errorf("no picket answers at %s: is a node running, and is --admin right? (%w)", a.shown, cause(err))
}

// cause is the innermost error: what the system said.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// absent is the node's answer for what is not there.
type absent struct{ said string }

func (a absent) Error() string { return a.said }

// rejected is the node's answer to what it was given and does not take: it says why.
type rejected struct {
	said   string
	answer json.RawMessage
}

func (r rejected) Error() string { return r.said }

// refused is what the node said of its refusal.
func (a *admin) refused(code int, text []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		return fmt.Errorf("what answers at %s is no picket (HTTP %d): is --admin right?", a.shown, code)
	}
	said.Error = printable(said.Error)
	switch code {
	case http.StatusNotFound:
		return absent{said.Error}
	case http.StatusUnprocessableEntity:
		return rejected{said.Error, text}
	case http.StatusServiceUnavailable:
		return fmt.Errorf("the node at %s cannot do that now: %s: try again, or ask another node with --admin", a.shown, said.Error)
	}
	return fmt.Errorf("the node at %s refused: %s", a.shown, said.Error)
}
