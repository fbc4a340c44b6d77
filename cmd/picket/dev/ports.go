package dev

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Ports for others to listen on are taken from below those that systems hand out for outgoing connections, so that
// none of these comes in between.
const (
	lowestPort  = 20000
	highestPort = 32000
)

// listenOn listens on a loopback port that the user chose; zero: any.
func listenOn(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", loopback(port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %d is in use by another program: end that one, or choose another with --port", port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %d may not be used by you: choose one from 1024 up with --port", port)
	case err != nil:
		return nil, fmt.Errorf("listening on port %d: %w", port, err)
	}
	return listener, nil
}

// listenAgain listens on the port of an earlier run if there was one and it is free, else on another.
func listenAgain(port int) (net.Listener, error) {
	if port != 0 {
		if listener, err := net.Listen("tcp", loopback(port)); err == nil {
			return listener, nil
		}
	}
	return listenAnywhere()
}

func listenAnywhere() (net.Listener, error) {
	var err error
	for range 100 {
		var listener net.Listener
		listener, err = net.Listen("tcp", loopback(lowestPort+rand.IntN(highestPort-lowestPort)))
		if err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("looking for a free port: %w", err)
}

// freeAddresses are n loopback addresses that nobody listens on just now, all different.
func freeAddresses(n int) ([]string, error) {
	var all []string
	for range n {
		listener, err := listenAnywhere()
		if err != nil {
			return nil, err
		}
		defer listener.Close() // only when all are found, so that none is found twice
		all = append(all, listener.Addr().String())
	}
	return all, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }
