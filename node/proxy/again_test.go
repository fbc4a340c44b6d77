package proxy

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"picket/node/authn"
	"picket/node/proxy/http1"
)

func TestNothingOfARequestIsLeftInTheNext(t *testing.T) {
	mirror := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			if strings.HasPrefix(name, "N") {
				w.Header()[name] = r.Header[name]
			}
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q", r.Method, r.URL, r.Header.Get("X-Forwarded-Email"), body)
	})
	w := newWorld(t, mirror)
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			conn := w.dial()
			defer conn.Close()
			from := bufio.NewReader(conn)
			for i := range 100 {
				if !w.mirrored(conn, from, i, cookie) {
					return
				}
			}
		})
	}
	all.Wait()
}

// mirrored sends a request with a few fields of its own, and holds what came of it against them.
func (w *world) mirrored(to io.Writer, from *bufio.Reader, i int, cookie string) bool {
	fields, want := "", http.Header{}
	for range rand.IntN(20) {
		name, value := fmt.Sprint("N", rand.IntN(1000)), fmt.Sprint(rand.Uint64())
		fields += name + ": " + value + "\r\n"
		want[name] = append(want[name], value)
	}
	host, who, method, body := "open.test", "", "GET", ""
	nobody := false
	switch rand.IntN(3) {
	case 0:
		host, nobody = "wiki.test", true
	case 1:
		host, who, fields = "wiki.test", "alice@example.com", fields+"Cookie: "+cookie+"\r\n"
	}
	if rand.IntN(4) == 0 {
		method, body = "POST", "form"
		fields += "Content-Length: 4\r\n"
	}
	fmt.Fprintf(to, "%s /%d HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", method, i, host, fields, body)
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		w.t.Error(err)
		return false
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if nobody {
		if res.StatusCode != http.StatusUnauthorized {
			w.t.Errorf("nobody was answered with %s: %s", res.Status, text)
		}
		return !w.t.Failed() && !res.Close
	}
	if told := fmt.Sprintf("%s /%d %s %q", method, i, who, body); err != nil || string(text) != told {
		w.t.Errorf("%v: %q; want %q", err, text, told)
	}
	maps.DeleteFunc(res.Header, func(name string, _ []string) bool { return !strings.HasPrefix(name, "N") })
	if !maps.EqualFunc(res.Header, want, slices.Equal) {
		w.t.Errorf("request %d came back with %v; want %v", i, res.Header, want)
	}
	return !w.t.Failed()
}

func TestARequestThatSomebodyMayStillEndIsNotUsedAgain(t *testing.T) {
	streams := newStreams()
	for _, c := range []struct {
		what string
		held func(*ask)
		free bool
	}{
		{what: "nobody", held: func(*ask) {}, free: true},
		{what: "who asks again", held: func(*ask) { streams.pick(authn.Change{}) }},
		{what: "who waits for its end", held: func(a *ask) { a.r.Life.Done() }},
		{what: "who is told of its end", held: func(a *ask) { a.r.Life.AfterFunc(func() {}) }},
		{what: "a handler", held: func(a *ask) { _, _ = a.r.HTTP() }},
	} {
		a := &ask{r: &http1.Request{}, simple: true, id: "one"}
		s := streams.add(a, 0)
		c.held(a)
		streams.remove(s)
		new(asks).put(a)
		if free := a.id == ""; free != c.free {
			t.Errorf("held by %s: used again is %v; want %v", c.what, free, c.free)
		}
	}
}
