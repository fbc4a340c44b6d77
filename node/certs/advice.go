package certs

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/mholt/acmez/v3/acme"
)

// advice is what to look at after an order failed, in a line.
func advice(err error, challenges []string) string {
	var problem acme.Problem
	if !errors.As(err, &problem) {
		var network net.Error
		if errors.As(err, &network) {
			return "can this node reach the authority? See acme.directory, acme.ca, and the way out of this network"
		}
		return "see the error"
	}
	switch problem.Type {
	case acme.ProblemTypeRateLimited:
		return "the authority was asked too often; it is left alone for an hour at least"
	case acme.ProblemTypeExternalAccountRequired:
		return "the authority wants to know the account by other means: write acme.eab"
	case acme.ProblemTypeRejectedIdentifier, acme.ProblemTypeUnsupportedIdentifier:
		return "the authority issues none for this name: give the listener a certificate of your own, or name another authority"
	case acme.ProblemTypeCAA:
		return "a CAA record of the name forbids it to this authority"
	case acme.ProblemTypeDNS, acme.ProblemTypeConnection, acme.ProblemTypeUnauthorized, acme.ProblemTypeTLS, acme.ProblemTypeIncorrectResponse:
		return reach(challenges)
	}
	return "see the error"
}

// reach says what the authority has to reach.
func reach(challenges []string) string {
	var ways []string
	if slices.Contains(challenges, acme.ChallengeTypeHTTP01) {
		ways = append(ways, "port 80 of the name on some node without TLS")
	}
	if slices.Contains(challenges, acme.ChallengeTypeTLSALPN01) {
		ways = append(ways, "port 443 of the name on some node, its TLS unbroken by a balancer")
	}
	if slices.Contains(challenges, acme.ChallengeTypeDNS01) {
		ways = append(ways, "the TXT record at the zone's servers (see acme.dns.propagation)")
	}
	return fmt.Sprintf("the authority has to reach %s: see the name's DNS records and what is in front", strings.Join(ways, ", or "))
}
