package dev

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// kind, in the environment, makes this binary something else than a test: a node, as Dev would run it, or a whole Dev.
const kind = "DEV_TEST_KIND"

func TestMain(m *testing.M) {
	switch os.Getenv(kind) {
	case "":
		os.Exit(m.Run())
	case "parent":
		os.Exit(parent())
	case "broken":
		fmt.Println("starting")
		fmt.Fprintln(os.Stderr, "Error: the fence has no gate")
		os.Exit(1)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	os.Exit(standIn())
}

// standIn does what a node does as far as Dev can see.
func standIn() int {
	if len(os.Args) != 4 || os.Args[1] != "run" || os.Args[2] != "--config" {
		fmt.Fprintln(os.Stderr, "called as", os.Args)
		return 2
	}
	if _, err := os.Stat(os.Args[3]); err != nil || len(os.Getenv("PICKET_SECRET")) < 32 || os.Getenv("PICKET_STRAY") != "" {
		fmt.Fprintln(os.Stderr, "not set up as a node is:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if os.Getenv(kind) == "stubborn" {
		ctx = context.Background()
	}
	name := []byte(os.Getenv("PICKET_NODE"))
	admin := http.NewServeMux()
	admin.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	door := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(name) })
	failed := make(chan error, 2)
	go func() { failed <- http.ListenAndServe(os.Getenv("PICKET_ADMIN"), admin) }()
	go func() { failed <- http.ListenAndServe(os.Getenv("PICKET_HTTP"), door) }()
	select {
	case <-ctx.Done():
		return 0
	case err := <-failed:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
}

// parent runs a Dev, says which processes it has, and goes on.
func parent() int {
	if err := os.Setenv(kind, "node"); err != nil {
		return 1
	}
	d, err := New(Options{Nodes: 3, Dir: os.Getenv("DEV_TEST_DIR"), Executable: os.Args[0], Out: os.Stderr, RestartDelay: time.Minute})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		<-d.Ready()
		for _, n := range d.Nodes() {
			fmt.Println(strconv.Itoa(n.PID))
		}
	}()
	if err := d.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
