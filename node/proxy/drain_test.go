package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/node/authn"
	"picket/node/config"
)

func TestAClosingDoorLetsATunnelInUseGoOnForAWhile(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes))
	w.door.drain = 20 * time.Second
	short, fromShort := w.tunnel()
	long, fromLong := w.tunnel()
	began, stopped := time.Now(), make(chan struct{})
	go func() {
		defer close(stopped)
		w.stop()
	}()
	w.until("nobody new is let in", func() bool {
		conn, err := net.Dial("tcp", w.address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	w.says(short, fromShort, "still here")
	w.must(short.CloseWrite())
	if rest, err := io.ReadAll(fromShort); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	for got := make([]byte, 1); ; {
		_, err := long.Write([]byte("x"))
		if err == nil {
			_, err = fromLong.Read(got)
		}
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			break
		}
		w.must(err)
		<-time.After(100 * time.Millisecond)
	}
	if took := time.Since(began); took < w.door.drain-time.Second {
		t.Errorf("a tunnel in use was cut after %s", took)
	}
	<-stopped
}

func TestATunnelThroughWhichNothingPassesHoldsUpNoDoorThatCloses(t *testing.T) {
	for name, open := range map[string]func(*world) io.Reader{
		"CONNECT": func(w *world) io.Reader {
			conn, from := w.tunnel()
			w.says(conn, from, "hello")
			return from
		},
		"a protocol of its own": func(w *world) io.Reader {
			conn := w.dial()
			w.must(second(io.WriteString(conn, "GET / HTTP/1.1\r\nHost: tool.test\r\nConnection: Upgrade\r\nUpgrade: tool/1\r\n\r\n")))
			from := bufio.NewReader(conn)
			res, err := http.ReadResponse(from, nil)
			w.must(err)
			if res.StatusCode != http.StatusSwitchingProtocols {
				w.t.Fatal(res.Status)
			}
			return from
		},
		"datagrams over HTTP/2": func(w *world) io.Reader { return w.datagramsBy("HTTP/2") },
		"datagrams over HTTP/3": func(w *world) io.Reader { return w.datagramsBy("HTTP/3") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(switches), carrying(t, echoes), resolver(t), func(c *config.Config) {
				if strings.HasPrefix(name, "datagrams") {
					overHTTP3(t)(c)
				}
				c.Routes = append(c.Routes, config.Route{
					Name: "tool", From: origin("tool.test"), Prefix: "/", To: c.Routes[0].To, Access: config.Public, Upgrade: []string{"tool/1"},
				})
			})
			w.door.drain = 2 * testPatience
			from := open(w)
			began := time.Now()
			w.stop()
			if took := time.Since(began); took < tunnelRest || took > testPatience/2 {
				t.Errorf("it took %s", took)
			}
			if _, err := io.ReadAll(from); err == nil {
				t.Error("the client takes the cut for an end")
			}
			if line := w.log.access(t)[0]; line["ended"] != errGoingAway.Error() {
				t.Errorf("the log says %v", line)
			}
		})
	}
}

// Nothing else waits for the line of a tunnel, which is no request of a connection any more, nor for that of a request that is cut.
func TestADoorThatClosesWaitsForTheLineOfWhatItCarried(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), carrying(t, echoes))
	underWay := make(chan [2]int, 1)
	w.door.log = zerolog.New(written(func(line string) {
		if strings.Contains(line, `"message":"request"`) {
			underWay <- [2]int{w.door.streams.count(), len(w.door.streams.pick(authn.Change{}))}
		}
	}))
	conn, from := w.tunnel()
	w.says(conn, from, "hello")
	w.must(conn.CloseWrite())
	if got := <-underWay; got != [2]int{1, 0} {
		t.Errorf("while the line of a tunnel is written %d are waited for, and %d are found by a change", got[0], got[1])
	}
	_ = w.ask("GET / HTTP/1.1\nHost: open.test\n\n")
	if got := <-underWay; got != [2]int{1, 0} {
		t.Errorf("while the line of a request is written %d are waited for, and %d are found by a change", got[0], got[1])
	}
}

// written is told of each line.
type written func(line string)

func (f written) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

// switches switches to whatever it is asked for, and gives back what comes.
func switches(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
	_, _ = io.Copy(conn, rw)
}

// datagramsBy opens a way for datagrams.
func (w *world) datagramsBy(version string) io.Reader {
	w.t.Helper()
	bearer := w.program("alice", origin("bastion.test"), "resolver")
	status, _, stream := extendedBy[version](w, "bastion.test", resolverPath, connectUDP, "proxy-authorization", "Bearer "+bearer)
	if status != "200" {
		w.t.Fatal(status)
	}
	return stream
}
