package http1

import (
	"net"
	"testing"
	"time"
)

// What a browser sends, and an application answers.
const (
	aRequest = "GET /some/page?x=1 HTTP/1.1\r\nHost: wiki.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n" +
		"Connection: keep-alive\r\nCookie: theme=dark; __Host-picket=1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n" +
		"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\r\n"
	anAnswer = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n" +
		"Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"6720a3b1-400\"\r\nAccept-Ranges: bytes\r\n\r\n"
)

func BenchmarkReadRequest(b *testing.B) {
	var h Head
	came := []byte(aRequest)
	b.ReportAllocs()
	for b.Loop() {
		n, _, err := end(came, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.parse(string(came[:n]), 200); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAnswer(b *testing.B) {
	var room Fields
	came := []byte(anAnswer)
	b.ReportAllocs()
	for b.Loop() {
		a := answered{Answer: Answer{Fields: room[:0]}}
		n, _ := answerEnd(came, 0)
		if _, err := a.parse("GET", string(came[:n])); err != nil {
			b.Fatal(err)
		}
		room = a.Fields
	}
}

func BenchmarkWriteQuestion(b *testing.B) {
	var h Head
	if _, err := h.parse(aRequest, 200); err != nil {
		b.Fatal(err)
	}
	q := &Question{Method: h.Method, Path: h.Target, Host: h.Host, Fields: h.Fields, Given: Fields{NewField("X-Picket-User", "alice"), NewField("X-Forwarded-For", "192.0.2.1")}}
	room := make([]byte, bufferSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := q.appendHead(room[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteAnswer(b *testing.B) {
	var a answered
	if _, err := a.parse("GET", anAnswer); err != nil {
		b.Fatal(err)
	}
	w := &response{conn: &conn{server: &Server{}}, minor: 1, status: a.Status, length: a.Length}
	room := make([]byte, bufferSize)
	b.ReportAllocs()
	for b.Loop() {
		w.appendHead(room[:0], a.Fields)
	}
}

func BenchmarkKeepAndTake(b *testing.B) {
	t := &Transport{}
	near, far := net.Pipe()
	defer far.Close()
	u := &upstream{transport: t, address: "192.0.2.1:8080"}
	u.input = newInput(near, &t.buffers)
	u.bounds = t.clock.add(near, u.input.writer(), time.Second)
	b.ReportAllocs()
	for b.Loop() {
		t.pool.keep(u, 8, time.Hour)
		if u = t.pool.take("192.0.2.1:8080", time.Hour, 0); u == nil {
			b.Fatal("it is not kept")
		}
	}
}
