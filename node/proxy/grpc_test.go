package proxy

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	health1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"picket/node/authn"
	"picket/node/config"
)

// grpcServer is an application that speaks gRPC over HTTP/2 without TLS: the health service.
func grpcServer(t *testing.T) (address string, h *health.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, h := grpc.NewServer(), health.NewServer()
	health1.RegisterHealthServer(server, h)
	go func() { _ = server.Serve(l) }() // until Stop
	t.Cleanup(server.Stop)
	return l.Addr().String(), h
}

// grpcClient asks the door for a name.
func (w *world) grpcClient(name string) health1.HealthClient {
	w.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+w.address, grpc.WithAuthority(name),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{ServerName: name, InsecureSkipVerify: true})))
	w.must(err)
	w.t.Cleanup(func() { _ = conn.Close() })
	return health1.NewHealthClient(conn)
}

func TestGRPCGoesThroughWithItsTrailersAndIsCutWhenAccessEnds(t *testing.T) {
	address, server := grpcServer(t)
	cert := certificate(t, "wiki.test")
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Listeners[0].Certificates = []config.Certificate{cert}
		c.Routes[0].To = []string{"h2c://" + address}
	})
	client := w.grpcClient("wiki.test")
	if _, err := client.Check(w.ctx, &health1.HealthCheckRequest{}); status.Code(err) == codes.OK {
		t.Fatalf("nobody is let in: %v", err)
	}
	ctx := metadata.AppendToOutgoingContext(w.ctx, "authorization", "Bearer "+w.program("alice", origin("wiki.test"), "wiki"))
	answer, err := client.Check(ctx, &health1.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != health1.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", answer, err)
	}
	_, err = client.Check(ctx, &health1.HealthCheckRequest{Service: "unknown"}) // the status is in the trailers
	if status.Code(err) != codes.NotFound {
		t.Errorf("the application's own status came as %v", err)
	}
	stream, err := client.Watch(ctx, &health1.HealthCheckRequest{})
	w.must(err)
	for _, s := range []health1.HealthCheckResponse_ServingStatus{health1.HealthCheckResponse_SERVING, health1.HealthCheckResponse_NOT_SERVING} {
		server.SetServingStatus("", s)
		if got, err := stream.Recv(); err != nil || got.GetStatus() != s {
			t.Fatalf("the stream says %v, %v", got, err)
		}
	}
	begun := time.Now()
	w.must(w.authn.Revoke(w.ctx, w.session()))
	_, err = stream.Recv()
	if said := status.Convert(err); said.Code() != codes.Unauthenticated || !strings.HasPrefix(said.Message(), "You are not signed in") {
		t.Errorf("the stream goes on, or ends without the reason: %v", err)
	}
	t.Logf("cut after %s", time.Since(begun))
}

func TestAStreamOfGRPCThatAPolicyNoLongerAdmitsEndsWithItsReason(t *testing.T) {
	address, server := grpcServer(t)
	cert := certificate(t, "wiki.test")
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Listeners[0].Certificates = []config.Certificate{cert}
		c.Routes[0].To = []string{"h2c://" + address}
	})
	ctx := metadata.AppendToOutgoingContext(w.ctx, "authorization", "Bearer "+w.program("alice", origin("wiki.test"), "wiki"))
	stream, err := w.grpcClient("wiki.test").Watch(ctx, &health1.HealthCheckRequest{})
	w.must(err)
	server.SetServingStatus("", health1.HealthCheckResponse_SERVING)
	_, err = stream.Recv()
	w.must(err)
	w.lock(authn.LockUser, "alice@example.com")
	_, err = stream.Recv()
	if said := status.Convert(err); said.Code() != codes.PermissionDenied || !strings.HasPrefix(said.Message(), "Access is locked") {
		t.Errorf("the stream goes on, or ends without the reason: %v", err)
	}
}
