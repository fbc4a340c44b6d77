package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// longestLine bounds a line of an answer, in bytes.
const longestLine = 1 << 20

// told is a line of an answer that goes on while the node works.
type told struct {
	Progress *struct {
		Done  int `json:"done"`
		Total int `json:"total"` // 0: not known
	} `json:"progress"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// work has the node do something that takes long, given a body of any length (nil: none), and decodes what came of it into
// v. each hears how far it is. The JSON of the result is returned too.
func (a *admin) work(ctx context.Context, path string, body io.Reader, each func(done, total int), v any) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", a.shown, err)
	}
	req.Header.Set("Accept", "application/x-ndjson, application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
		req.Header.Set("Expect", "100-continue") // so that a refusal is heard before all is sent
	}
	patient := &http.Client{Transport: a.client.Transport}
	res, err := patient.Do(req)
	if err != nil {
		return nil, a.unreachable(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err != nil {
			return nil, fmt.Errorf("reading the answer of %s: %w", a.shown, err)
		}
		return nil, a.refused(res.StatusCode, text)
	}
	return a.follow(res.Body, each, v)
}

// follow reads lines to the one with the result.
func (a *admin) follow(body io.Reader, each func(done, total int), v any) (json.RawMessage, error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var line told
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, a.noPicket()
		}
		switch {
		case line.Error != "":
			return nil, fmt.Errorf("the node at %s says: %s", a.shown, printable(line.Error))
		case line.Result != nil:
			if err := json.Unmarshal(line.Result, v); err != nil {
				return nil, a.noPicket()
			}
			return line.Result, nil
		case line.Progress != nil:
			each(line.Progress.Done, line.Progress.Total)
		}
	}
	return nil, fmt.Errorf("the node at %s broke off: its log may say why", a.shown)
}

// meter shows on a terminal how far something is, in one line that is written over. Elsewhere it is silent.
type meter struct {
	out   io.Writer // nil: silent
	last  time.Time
	shown int // characters on the line
}

// meter is one for standard error.
func (t terminal) meter() *meter {
	if t.width == 0 {
		return &meter{}
	}
	return &meter{out: t.err}
}

// meterEvery is how often the line is written anew.
const meterEvery = 100 * time.Millisecond

func (m *meter) show(format string, args ...any) {
	if m.out == nil || time.Since(m.last) < meterEvery {
		return
	}
	m.last = time.Now()
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(m.out, "\r%s%s", text, strings.Repeat(" ", max(m.shown-len(text), 0)))
	m.shown = len(text)
}

// done takes the line away.
func (m *meter) done() {
	if m.out != nil && m.shown > 0 {
		fmt.Fprintf(m.out, "\r%s\r", strings.Repeat(" ", m.shown))
		m.shown = 0
	}
}

// records shows how many records of how many (0: not known).
func (m *meter) records(what string) func(done, total int) {
	return func(done, total int) {
		if total > 0 {
			m.show("%s: %d of %d records", what, done, total)
			return
		}
		m.show("%s: %d records", what, done)
	}
}

// metered shows how many bytes were read, of how many (0: not known).
type metered struct {
	in    io.Reader
	meter *meter
	what  string
	n     int64
	total int64
}

// Read reads on.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.in.Read(p)
	m.n += int64(n)
	if m.total > 0 {
		m.meter.show("%s: %s of %s", m.what, bytesText(m.n), bytesText(m.total))
	} else {
		m.meter.show("%s: %s", m.what, bytesText(m.n))
	}
	return n, err
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	value, name := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < unit {
			break
		}
		value, name = value/unit, next
	}
	if name == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, name)
}
