package broker

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	nodeCertificateLife = 24 * time.Hour
	// nodeCertificateSlack is how far the clocks of two nodes may differ.
	nodeCertificateSlack = 24 * time.Hour
)

// authority is the certificate authority that the nodes of a cluster derive from their secrets: whoever knows a secret
// can make a certificate that the others trust, and nothing needs to be handed out. Node certificates live a day and are
// made anew in memory, for the handshakes to come; connections that are open stay.
//
// The authority knows secrets, not clusters: a certificate says of which cluster its node is, and the other side looks.
// So a node of another cluster with the same secret is told from a stranger.
type authority struct {
	pool    *x509.CertPool // of every secret
	issuer  *x509.Certificate
	key     ed25519.PrivateKey
	cluster string
	node    string
	now     func() time.Time

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu
	renew   time.Time        // guarded by mu
}

func newAuthority(keys *Keyring, cluster, node string) (*authority, error) {
	a := &authority{pool: x509.NewCertPool(), cluster: cluster, node: node, now: time.Now}
	for i, seed := range keys.derive("node authority") {
		key := ed25519.NewKeyFromSeed(seed)
		cert, err := selfSigned(key)
		if err != nil {
			return nil, fmt.Errorf("deriving the node authority: %w", err)
		}
		a.pool.AddCert(cert)
		if i == 0 {
			a.issuer, a.key = cert, key
		}
	}
	return a, nil
}

// authorityName is the name of every derived authority.
const authorityName = "picket node authority"

// selfSigned makes the same bytes on every node: Ed25519 signs deterministically and nothing in it is of now.
func selfSigned(key ed25519.PrivateKey) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: authorityName},
		NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// certificate is this node's, renewed at half its life.
func (a *authority) certificate() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.current != nil && now.Before(a.renew) {
		return a.current, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: a.node, Organization: []string{a.cluster}},
		DNSNames:     []string{nodeServerName},
		NotBefore:    now.Add(-nodeCertificateSlack),
		NotAfter:     now.Add(nodeCertificateLife + nodeCertificateSlack),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.issuer, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("making the node certificate: %w", err)
	}
	a.current = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	a.renew = now.Add(nodeCertificateLife / 2)
	return a.current, nil
}

// nodeServerName is the one name in every node certificate: nodes prove membership, not addresses.
const nodeServerName = "node.picket.internal"

// tlsConfig is mutual TLS 1.3 between nodes, both ways verified against the derived authority.
func (a *authority) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		Time:       a.now,
		ServerName: nodeServerName,
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  a.pool,
		RootCAs:    a.pool,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.certificate()
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return a.certificate()
		},
		VerifyConnection: a.verify,
	}
}

// otherCluster begins the error about a node of another cluster.
const otherCluster = "a node of another cluster: "

// verify checks, after the chain and the name, that the other side belongs to this cluster: two may share a secret.
func (a *authority) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("no node certificate")
	}
	cluster := state.PeerCertificates[0].Subject.Organization
	if len(cluster) != 1 || cluster[0] != a.cluster {
		return fmt.Errorf("%s%.64q", otherCluster, cluster)
	}
	return nil
}
