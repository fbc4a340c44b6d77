package http2

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/proxy/http1"
)

// FuzzConnection feeds what a client might send: nothing panics, the connection ends, no handler goes on, and no more is held than
// windows say.
func FuzzConnection(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		server := NewServer(Options{
			HeaderBytes: 1 << 10, Streams: 4, HeaderTimeout: patience, IdleTimeout: patience, WriteTimeout: patience,
			Handler: func(r *http1.Request, c http1.Client) {
				if r.Method == "" || r.Target == "" || !http1.ValidTarget(r.Target) {
					t.Errorf("%q %q was served", r.Method, r.Target)
				}
				if r.Body != nil {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				c.Begin(http1.Reply{Status: 200, Length: -1})
				_, _ = c.Write(make([]byte, 10_000))
				_ = c.Finish(nil)
			},
			Panicked: func(why any, stack []byte) { t.Errorf("%v\n%s", why, stack) },
		})
		near, far := net.Pipe()
		ended := make(chan struct{})
		go func() { _, _ = io.Copy(io.Discard, near) }()
		go func() {
			_, _ = near.Write(append([]byte(http2.ClientPreface), sent...))
			_ = near.Close()
		}()
		go func() {
			server.ServeConn(far, nil)
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the connection does not end")
		}
		server.Close()
		if n := server.Conns(); n > 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// seeds are beginnings of connections.
func seeds() (all [][]byte) {
	made := func(write ...func(*http2.Framer, []byte)) {
		var block, out bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"te", "trailers"}} {
			_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		framer := http2.NewFramer(&out, nil)
		framer.AllowIllegalWrites = true
		_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
		for _, f := range write {
			f(framer, block.Bytes())
		}
		all = append(all, out.Bytes())
	}
	opens := func(stream uint32, end bool) func(*http2.Framer, []byte) {
		return func(f *http2.Framer, block []byte) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true, EndStream: end})
		}
	}
	made(opens(1, true), opens(3, true), func(f *http2.Framer, _ []byte) { _ = f.WriteWindowUpdate(3, 1<<20) })
	made(opens(1, false), func(f *http2.Framer, _ []byte) {
		_ = f.WriteDataPadded(1, false, []byte("body"), make([]byte, 9))
		_ = f.WriteData(1, true, nil)
	})
	made(opens(1, false), opens(1, true), opens(3, true), func(f *http2.Framer, _ []byte) { _ = f.WriteRSTStream(3, http2.ErrCodeCancel) })
	made(func(f *http2.Framer, block []byte) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:2], Priority: http2.PriorityParam{Weight: 1}})
		_ = f.WriteContinuation(1, false, block[2:3])
		_ = f.WriteContinuation(1, true, block[3:])
		_ = f.WritePing(false, [8]byte{})
		_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
		_ = f.WriteData(1, true, []byte("x"))
	})
	return all
}

// FuzzHeader reads a header block: what is made of it is a request that is well formed, and says what the block did.
func FuzzHeader(f *testing.F) {
	for _, fields := range [][]string{
		{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}, {":method", "CONNECT", ":authority", "a:1", "cookie", "a", "cookie", "b"},
		{":method", "GET", ":scheme", "http", ":path", "/", "host", "a", "content-length", "1"},
	} {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for i := 0; i < len(fields); i += 2 {
			_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		f.Add(block.Bytes())
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		h := header{most: 4 << 10}
		h.begin()
		decoder := hpack.NewDecoder(4096, h.take)
		if _, err := decoder.Write(block); err != nil || decoder.Close() != nil || h.tooLong || h.wrong != "" {
			return
		}
		head, wrong := h.head(false)
		if wrong != "" {
			return
		}
		if !http1.ValidMethod(head.Method) || !http1.ValidTarget(head.Target) || head.Host != "" && !http1.ValidTarget(head.Host) && h.pseudo&hasAuthority != 0 {
			t.Errorf("%q %q %q", head.Method, head.Target, head.Host)
		}
		total := 0
		for i := range head.Fields {
			field := &head.Fields[i]
			if !field.Sound() || field.Name[0] == ':' || field.Name != string(bytes.ToLower([]byte(field.Name))) {
				t.Errorf("%q: %q", field.Name, field.Value)
			}
			switch field.Known() {
			case http1.Connection, http1.TransferEncoding, http1.Upgrade, http1.Host:
				t.Errorf("%q: %q", field.Name, field.Value)
			}
			total += len(field.Name) + len(field.Value)
		}
		if total > h.most {
			t.Errorf("%d bytes of fields", total)
		}
	})
}

// FuzzEncode writes a field that golang.org/x/net/http2/hpack reads as it was meant.
func FuzzEncode(f *testing.F) {
	f.Add("Content-Type", "text/html", 200)
	f.Add("Location", "/a\r\nSet-Cookie: b\x00", 302)
	f.Add("X-A", string(bytes.Repeat([]byte("x"), 300)), 999)
	f.Fuzz(func(t *testing.T, name, value string, status int) {
		status = 100 + (status%900+900)%900
		var got []hpack.HeaderField
		decoder := hpack.NewDecoder(0, func(f hpack.HeaderField) { got = append(got, f) })
		block := appendField(appendStatus(nil, status), &http1.Field{Name: name, Value: value})
		if _, err := decoder.Write(block); err != nil || decoder.Close() != nil {
			t.Fatalf("%x: %v", block, err)
		}
		if len(got) == 0 || len(got) > 2 || got[0].Name != ":status" || len(got[0].Value) != 3 {
			t.Fatalf("%v", got)
		}
		if len(got) == 2 {
			if field := http1.NewField(got[1].Name, got[1].Value); !field.Sound() {
				t.Errorf("%q", got[1])
			}
		}
		if field := http1.NewField(name, value); field.Sound() && (len(got) != 2 || got[1].Value != trimBlanks(value)) {
			t.Errorf("%q: %q became %v", name, value, got)
		}
	})
}
