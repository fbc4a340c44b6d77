package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"testing"
	"time"

	"picket/node/authn"
	"picket/node/authz"
	"picket/policy"
)

// FuzzTheLineOfARequestIsWhatEncodingJSONReads puts texts of strangers, and others, in every place of a line where a text may stand.
func FuzzTheLineOfARequestIsWhatEncodingJSONReads(f *testing.F) {
	for _, odd := range []string{"", "plain", "\x00", `"`, `\`, "<&>", "é", "\xff", "\xe2\x80", "\u2028", "\x1f\x20\x7f\x80", "\n{\"level\":\"error\"}\n", `","user":"root`} {
		for _, before := range []string{"", "seven..", "eight..."} {
			f.Add(before+odd, odd+"and more", int64(len(odd)), int64(12345))
		}
	}
	f.Fuzz(func(t *testing.T, one, other string, number, took int64) {
		var out bytes.Buffer
		d, a := answered(&out, true)
		d.node, a.id, a.r.Method, a.host, a.in.Request.Path, a.route.Name = other, one, other, one, other, one
		a.in.User.ID, a.in.User.Email, a.in.Session.ID = one, other, one
		a.decision, a.upstream, a.r.Peer.Text = policy.Decision{Rule: one, Policy: other}, one, other
		a.in.Certificate.Fingerprint, a.distrust, a.ended = one, errors.New(other), errors.New(one)
		a.shadow = []authz.Shadow{{Policy: one, Change: policy.Loses, Decision: policy.Decision{Rule: other}}, {Policy: other}}
		a.lock, a.received, a.w.bytes = &authn.Lock{ID: one, Reason: other}, number, number
		took %= int64(time.Hour)
		d.writeLine(a, 200, time.Duration(took), a.lock)
		if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
			t.Errorf("it is %d lines", n)
		}
		var got map[string]any
		decoder := json.NewDecoder(bytes.NewReader(out.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("%s: %v", out.String(), err)
		}
		want := map[string]any{
			"level": "info", "message": "request", "protocol": "HTTP/1.1", "status": json.Number("200"), "decision": "deny",
			"bytes": json.Number(strconv.FormatInt(number, 10)), "request_id": read(one), "method": read(other), "host": read(one),
			"duration_ms": json.Number(strconv.FormatFloat(float64(time.Duration(took).Microseconds())/1000, 'f', -1, 64)),
			"path":        read(other), "route": read(one), "client": read(other), "node": read(other), "distrust": read(other),
			"ended": read(one), "lock": read(one), "lock_reason": read(other), "shadow": []any{
				map[string]any{"policy": read(one), "change": "loses", "decision": "deny", "rule": read(other)},
				map[string]any{"policy": read(other), "change": "same", "decision": "deny", "rule": ""},
			},
		}
		for name, text := range map[string]string{
			"user": one, "email": other, "session": one[:min(8, len(one))], "rule": one, "policy": other, "upstream": one, "certificate": one,
		} {
			if text != "" {
				want[name] = read(text)
			}
		}
		if number > 0 {
			want["bytes_in"] = json.Number(strconv.FormatInt(number, 10))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it is\n%v, want\n%v", got, want)
		}
	})
}

// read is a text as whoever reads its JSON has it.
func read(text string) (is string) {
	written, _ := json.Marshal(text)
	_ = json.Unmarshal(written, &is)
	return is
}
