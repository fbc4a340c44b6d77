package broker

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// day is a time that tests begin at.
var day = time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)

func authorityOf(t *testing.T, cluster, node string, now *time.Time, secrets ...[]byte) *authority {
	t.Helper()
	a, err := newAuthority(keyring(t, secrets...), cluster, node)
	if err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return *now }
	return a
}

// shake has two sides shake hands, and gives what each of them says of it.
func shake(t *testing.T, client, server *tls.Config) (state tls.ConnectionState, atClient, atServer error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		far, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer far.Close()
		s := tls.Server(far, server)
		if err = s.Handshake(); err == nil {
			_, err = s.Write([]byte("."))
		}
		done <- err
	}()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	_ = near.SetDeadline(time.Now().Add(testPatience))
	c := tls.Client(near, client)
	if atClient = c.Handshake(); atClient == nil {
		_, atClient = c.Read(make([]byte, 1))
	}
	return c.ConnectionState(), atClient, <-done
}

func TestANodeCertificateIsRenewedInMemoryBeforeItEnds(t *testing.T) {
	now := day
	a, b := authorityOf(t, "c", "a", &now, testSecret), authorityOf(t, "c", "b", &now, testSecret)
	near, far := a.tlsConfig(), b.tlsConfig() // as the server has them, from its start to its end
	serials := map[string]bool{}
	for range 40 {
		state, atClient, atServer := shake(t, near, far)
		if atClient != nil || atServer != nil {
			t.Fatalf("at %s: %v, %v", now, atClient, atServer)
		}
		cert := state.PeerCertificates[0]
		if left := cert.NotAfter.Sub(now) - nodeCertificateSlack; left < nodeCertificateLife/2 || left > nodeCertificateLife {
			t.Errorf("at %s the certificate has %s left", now, left)
		}
		serials[cert.SerialNumber.String()] = true
		now = now.Add(6 * time.Hour)
	}
	if len(serials) != 20 {
		t.Errorf("%d certificates in ten days", len(serials))
	}
}

func TestACertificateThatHasEndedIsRefused(t *testing.T) {
	then, now := day, day.Add(nodeCertificateLife+nodeCertificateSlack+time.Minute)
	old, node := authorityOf(t, "c", "old", &then, testSecret), authorityOf(t, "c", "node", &now, testSecret)
	if _, _, atServer := shake(t, old.tlsConfig(), node.tlsConfig()); atServer == nil {
		t.Error("from a client")
	}
	if _, atClient, _ := shake(t, node.tlsConfig(), old.tlsConfig()); atClient == nil {
		t.Error("from a server")
	}
}

func TestNodesSpeakTLS13AndKnowEachOtherBothWays(t *testing.T) {
	now := day
	server := authorityOf(t, "c", "a", &now, testSecret)
	fine := authorityOf(t, "c", "b", &now, testSecret)
	if state, atClient, atServer := shake(t, fine.tlsConfig(), server.tlsConfig()); atClient != nil || atServer != nil || state.Version != tls.VersionTLS13 {
		t.Errorf("a node of the cluster: %v, %v", atClient, atServer)
	}
	withoutOne := fine.tlsConfig()
	withoutOne.GetClientCertificate, withoutOne.VerifyConnection = nil, nil
	old := fine.tlsConfig()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for what, client := range map[string]*tls.Config{
		"without a certificate": withoutOne,
		"TLS 1.2":               old,
		"another secret":        authorityOf(t, "c", "b", &now, olderSecret).tlsConfig(),
		"another cluster":       authorityOf(t, "d", "b", &now, testSecret).tlsConfig(),
	} {
		if _, _, atServer := shake(t, client, server.tlsConfig()); atServer == nil {
			t.Errorf("%s: the server takes it", what)
		}
	}
	for what, other := range map[string]*authority{
		"another secret":  authorityOf(t, "c", "b", &now, olderSecret),
		"another cluster": authorityOf(t, "d", "b", &now, testSecret),
	} {
		if _, atClient, _ := shake(t, fine.tlsConfig(), other.tlsConfig()); atClient == nil {
			t.Errorf("%s: the client takes it", what)
		}
	}
}

func TestANodeOfAnotherClusterWithTheSameSecretIsNamed(t *testing.T) {
	now := day
	a, b := authorityOf(t, "c", "a", &now, testSecret), authorityOf(t, "d", "b", &now, testSecret)
	_, atClient, _ := shake(t, a.tlsConfig(), b.tlsConfig())
	if atClient == nil || !strings.Contains(atClient.Error(), otherCluster+`["d"]`) {
		t.Error(atClient)
	}
	var unknown x509.UnknownAuthorityError
	c := authorityOf(t, "c", "c", &now, olderSecret)
	if _, atClient, _ := shake(t, a.tlsConfig(), c.tlsConfig()); !errors.As(atClient, &unknown) {
		t.Error(atClient)
	}
}

func TestSecretsAreReplacedNodeByNodeWithoutAPause(t *testing.T) {
	now := day
	old, added, moved, new := [][]byte{olderSecret}, [][]byte{olderSecret, testSecret}, [][]byte{testSecret, olderSecret}, [][]byte{testSecret}
	for _, step := range [][2][][]byte{{old, added}, {added, moved}, {moved, new}} {
		a, b := authorityOf(t, "c", "a", &now, step[0]...), authorityOf(t, "c", "b", &now, step[1]...)
		for _, pair := range [][2]*authority{{a, b}, {b, a}} {
			if _, atClient, atServer := shake(t, pair[0].tlsConfig(), pair[1].tlsConfig()); atClient != nil || atServer != nil {
				t.Errorf("%d and %d secrets: %v, %v", len(step[0]), len(step[1]), atClient, atServer)
			}
		}
	}
}

// webCertificate is one as a web server has it, and its key, in PEM.
func webCertificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "www.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})
}
