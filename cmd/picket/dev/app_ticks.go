package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// tick is what the WebSocket and the stream send, over and over.
type tick struct {
	N    int       `json:"n"`
	Node string    `json:"node"` // that carries the connection
	Time time.Time `json:"time"`
}

// ticks calls send at once and then at every tick, until it fails or ctx ends.
func (a *App) ticks(ctx context.Context, node string, send func(tick) error) {
	for n := 1; ; n++ {
		if send(tick{N: n, Node: node, Time: time.Now()}) != nil || !pause(ctx, a.options.Tick) {
			return
		}
	}
}

// socket ticks over a WebSocket until either side has enough of it.
func (a *App) socket(w http.ResponseWriter, r *http.Request) {
	options := &websocket.AcceptOptions{}
	if host := r.Header.Get("X-Forwarded-Host"); host != "" { // what the browser wrote, when Host is ours
		options.OriginPatterns = []string{host}
	}
	conn, err := websocket.Accept(w, r, options)
	if err != nil {
		return // it has been answered
	}
	defer conn.CloseNow()
	ctx := conn.CloseRead(r.Context())
	a.ticks(ctx, r.Header.Get(nodeHeader), func(t tick) error { return wsjson.Write(ctx, conn, t) })
}

// stream ticks as server-sent events.
func (a *App) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	a.ticks(r.Context(), r.Header.Get(nodeHeader), func(t tick) error {
		data, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
			return err
		}
		return out.Flush()
	})
}
