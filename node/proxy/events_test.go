package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	health1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"picket/node/config"
)

// announces answers by one event, and says no more.
func announces(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	_, _ = io.WriteString(w, "data: hello\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// events asks for events and reads the first. What is given is the rest of them.
func (w *world) events(by http.RoundTripper, method string) io.ReadCloser {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, method, "https://"+w.address+"/", nil)
	w.must(err)
	r.Host = "open.test"
	r.Header.Set("Accept", "text/event-stream")
	res, err := by.RoundTrip(r)
	w.must(err)
	first := make([]byte, len("data: hello\n\n"))
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: hello\n\n" {
		w.t.Fatalf("%q, %v", first, err)
	}
	return res.Body
}

func TestAPageThatListensToEventsHoldsUpNoDoorThatCloses(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(announces), overHTTP3(t))
	w.door.drain = 2 * testPatience
	ends := map[string]io.ReadCloser{}
	for version, by := range w.versions() {
		ends[version] = w.events(by, "GET")
	}
	began := time.Now()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.stop()
	}()
	for version, rest := range ends {
		if more, err := io.ReadAll(rest); len(more) > 0 || err != nil {
			t.Errorf("%s: it does not end well: %q, %v", version, more, err)
		}
		_ = rest.Close()
	}
	<-stopped
	if took := time.Since(began); took < tunnelRest || took > testPatience/2 {
		t.Errorf("it took %s", took)
	}
}

func TestAClosingDoorGivesAnAnswerInEventsItsTimeAndNeverMakesItLookWhole(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(announces), overHTTP3(t))
	w.door.drain = tunnelRest + 4*time.Second
	began := time.Now()
	ends := map[string]io.ReadCloser{}
	for version, by := range w.versions() {
		ends[version] = w.events(by, "POST")
	}
	go w.stop()
	for version, rest := range ends {
		if _, err := io.ReadAll(rest); err == nil {
			t.Errorf("%s: it looks whole", version)
		}
		if took := time.Since(began); took < w.door.drain-farewell {
			t.Errorf("%s: it was cut after %s", version, took)
		}
		_ = rest.Close()
	}
}

func TestWhatADrainCutsIsToldWhy(t *testing.T) {
	asked := make(chan struct{}, 8)
	address, _ := grpcServer(t)
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}), overHTTP3(t), func(c *config.Config) {
		c.Routes = append(c.Routes, config.Route{Name: "grpc", From: origin("grpc.test"), Prefix: "/", To: []string{"h2c://" + address}, Access: config.Public})
	})
	w.door.drain, w.door.farewell = testPatience, testPatience-3*time.Second
	stream, err := w.grpcClient("grpc.test").Watch(w.ctx, &health1.HealthCheckRequest{})
	w.must(err)
	_, err = stream.Recv()
	w.must(err)
	var all sync.WaitGroup
	by := w.versions()
	for version, client := range by {
		r, err := http.NewRequestWithContext(w.ctx, "GET", "https://"+w.address+"/", nil)
		w.must(err)
		r.Host = "open.test"
		all.Go(func() {
			res, err := client.RoundTrip(r)
			if err != nil {
				t.Errorf("%s: %v", version, err)
				return
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), `"Code":"closing"`) || err != nil {
				t.Errorf("%s: %s, %s, %v", version, res.Status, text, err)
			}
		})
	}
	for range by {
		<-asked
	}
	go w.stop()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable || !strings.Contains(fmt.Sprint(err), "being closed") {
		t.Errorf("the stream ends with %v", err)
	}
	all.Wait()
}
