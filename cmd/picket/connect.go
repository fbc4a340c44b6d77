package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (t terminal) connectCommand() *cobra.Command {
	var proxy, listen string
	var udp bool
	c := &cobra.Command{
		Use:   "connect HOST:PORT [--listen ADDRESS] [--udp] [--proxy URL]",
		Short: "TCP, or datagrams, through the door",
		Long: `Connects standard input and output with what a route from tcp+https://HOST:PORT leads
to, as the person who signed in with 'picket login https://HOST'. With --listen it takes
connections on this computer instead, and connects each of them. With --udp it takes
datagrams there, for a route from udp+https://HOST:PORT.`,
		Example: `  ssh -o ProxyCommand="picket connect %h:%p" bastion.example.com
  picket connect db.example.com:5432 --listen 127.0.0.1:5432
  picket connect dns.example.com:53 --udp --listen 127.0.0.1:5353`,
		Args: args("HOST:PORT"),
		RunE: func(c *cobra.Command, args []string) error {
			far, err := farEnd(args[0], proxy, time.Now())
			if err != nil {
				return err
			}
			if udp && listen == "" {
				return misused("--udp needs --listen: datagrams come from programs of this computer")
			}
			if udp {
				return t.connectDatagrams(c.Context(), far, listen)
			}
			if listen != "" {
				return t.connectAll(c.Context(), far, listen)
			}
			conn, err := far.open(c.Context())
			if err != nil {
				return err
			}
			return conn.join(t.in, t.out)
		},
	}
	c.Flags().StringVar(&proxy, "proxy", "", "where the door is, if not at https://HOST")
	c.Flags().BoolVar(&udp, "udp", false, "carry datagrams: each program at --listen has a way of its own")
	c.Flags().StringVar(&listen, "listen", "", "take connections at HOST:PORT instead of standard input")
	return c
}

// far is the far end of a tunnel.
type far struct {
	name  string  // HOST:PORT, as CONNECT names it
	host  string  // of name; TLS is made for it
	door  doorway // that is asked
	token string  // "": none is shown
}

// farEnd finds the door and the token for HOST:PORT.
func farEnd(name, proxy string, now time.Time) (far, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil || host == "" || port == "" {
		return far{}, misused("%q is not HOST:PORT", name)
	}
	f := far{name: name, host: strings.TrimSuffix(strings.ToLower(host), ".")}
	k, err := keptFor(f.host, now)
	if err != nil && !errors.Is(err, errNotKept) {
		return far{}, err
	}
	at := proxy
	if at == "" {
		at = k.Origin
	}
	if at == "" {
		at = (&url.URL{Scheme: "https", Host: net.JoinHostPort(f.host, "443")}).String()
	}
	if f.door, _, err = parseDoorway(at); err != nil {
		return far{}, err
	}
	if strings.HasPrefix(k.Origin, f.door.scheme+"://") { // a token that was got over TLS is not shown without
		f.token = k.Token
	}
	return f, nil
}

// connectTime bounds what the door may take to answer.
const connectTime = 30 * time.Second

// open asks the door for a tunnel.
func (f far) open(ctx context.Context) (*tunnel, error) {
	return f.openBy(ctx, "CONNECT "+f.name+" HTTP/1.1\r\nHost: "+f.name+"\r\n", http.MethodConnect, http.StatusOK)
}

// openBy asks for one by the beginning of a request, which is answered with a status when it is there.
func (f far) openBy(ctx context.Context, begin, method string, status int) (*tunnel, error) {
	conn, err := f.door.dial(ctx)
	if err != nil {
		return nil, f.door.unreachable(err)
	}
	if f.door.scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: f.host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	made, err := f.ask(conn, begin, method, status)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return made, nil
}

// ask asks over a connection.
func (f far) ask(conn net.Conn, begin, method string, status int) (*tunnel, error) {
	if err := conn.SetDeadline(time.Now().Add(connectTime)); err != nil {
		return nil, fmt.Errorf("asking %s: %w", f.door, err)
	}
	head := begin + "User-Agent: picket/" + thisBuild().Version + "\r\n"
	if f.token != "" {
		head += "Proxy-Authorization: Bearer " + f.token + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return nil, f.door.unreachable(err)
	}
	limited := &io.LimitedReader{R: conn, N: 64 << 10}
	from := bufio.NewReader(limited)
	response, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", f.door, err)
	}
	if response.StatusCode != status {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // half a text is better than none
		return nil, f.door.refused(response.StatusCode, text)
	}
	limited.N = math.MaxInt64
	return &tunnel{conn, from}, conn.SetDeadline(time.Time{})
}
