package dev

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	pollEvery   = 100 * time.Millisecond
	pollTimeout = time.Second
	surely      = 3 // answers in a row that are not yes
)

// watch asks the node over and over whether it is ready, tells the balancer, and says when it changes.
func (m *member) watch(ctx context.Context, balancer *Balancer) error {
	client := &http.Client{Timeout: pollTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	for pause(ctx, pollEvery) {
		ready, why := m.ask(ctx, client)
		if ctx.Err() != nil {
			return nil
		}
		balancer.Mark(m.http, ready)
		m.learned(ready, why)
	}
	return nil
}

// ask is one question; why says what is the matter when the answer is no.
func (m *member) ask(ctx context.Context, client *http.Client) (ready bool, why string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.admin+"/readyz", nil)
	if err != nil {
		return false, err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return false, "it does not answer"
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return true, ""
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 200))
	line, _, _ := strings.Cut(string(text), "\n")
	if err != nil || line == "" {
		return false, "it answers " + response.Status
	}
	return false, strings.TrimPrefix(line, "not ready: ")
}

// learned takes in an answer and says what changed, once it is sure of it: of a node that has just died, run speaks.
// The first time that a node is ready, whoever waits for all says so.
func (m *member) learned(ready bool, why string) {
	m.mu.Lock()
	before, first := m.ready, ready && !m.proved
	m.proved = m.proved || ready
	m.silent++
	if ready {
		m.silent = 0
	}
	m.ready = ready || m.ready && m.silent < surely
	now, pid, age := m.ready, m.pid, time.Since(m.started)
	m.mu.Unlock()
	switch name := m.print.paint(bold, m.name); {
	case first:
		close(m.up)
	case now && !before:
		m.print.say("%s is %s again, pid %d, %s after its start", name, m.print.paint(green, "ready"), pid, seconds(age))
	case before && !now && pid != 0:
		m.print.say("%s is %s: %s", name, m.print.paint(yellow, "not ready"), why)
	}
}

// seconds is a duration as people say it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
