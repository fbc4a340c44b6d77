package broker

import (
	"fmt"
	"strings"

	"github.com/nats-io/nkeys"
)

// account holds the buckets; system is the server's own. Nobody else has one.
const (
	account = "PICKET"
	system  = "SYSTEM"
)

// users is the account part of the server's configuration: a node may use its buckets and their feeds, and talk to the others, and nothing else.
// Each secret has a user, so that nodes with an old and a new first secret meet while secrets are rotated.
func (b *Broker) users() (string, error) {
	var list strings.Builder
	for _, seed := range b.keys.derive("broker user") {
		pair, err := userKey(seed)
		if err != nil {
			return "", err
		}
		public, err := pair.PublicKey()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&list, `{nkey: %s, permissions: {publish: ["%s"], subscribe: ["_INBOX.>", "%s.>", "%s.>"]}}, `,
			public, strings.Join(b.publishes, `", "`), feedSubject, talkSubject)
	}
	steward, err := b.stewardUser()
	if err != nil {
		return "", err
	}
	list.WriteString(steward)
	operator, err := b.systemUser()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("accounts { %s { jetstream: enabled, users: [%s] }, %s { users: [%s] } }\nsystem_account: %[3]s\n", account, list.String(), system, operator), nil
}

// stewardUser may give away the lead of a stream, and while a node that was alone becomes one of several, copy one. Like
// systemUser it exists inside the process only: who reaches a port cannot be it.
func (b *Broker) stewardUser() (string, error) {
	if b.copies {
		return b.insideUser("steward user", "$JS.API.STREAM.LIST", "$JS.API.STREAM.SNAPSHOT.*", "$JS.API.STREAM.RESTORE.*", "$JS.SNAPSHOT.>")
	}
	return b.insideUser("steward user", "$JS.API.STREAM.LEADER.STEPDOWN.*")
}

// systemUser may ask who keeps state, remove one of them, and give away the lead among them.
func (b *Broker) systemUser() (string, error) {
	return b.insideUser("system user", "$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING.RAFTZ", "$JS.API.SERVER.REMOVE", "$JS.API.META.LEADER.STEPDOWN")
}

// insideUser is a user that connects from inside the process only, and may publish to these subjects.
func (b *Broker) insideUser(label string, subjects ...string) (string, error) {
	pair, err := userKey(b.keys.derive(label)[0])
	if err != nil {
		return "", err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`{nkey: %s, allowed_connection_types: ["IN_PROCESS"], permissions: {publish: ["%s"], subscribe: ["_INBOX.>"]}}`,
		public, strings.Join(subjects, `", "`)), nil
}

// mayPublish are the subjects that a node needs: its buckets and logs, and of JetStream what makes, reads and walks them.
// Nothing deletes or purges a stream, or takes a message out of one. The same is asked of an external NATS.
var mayPublish = [...]string{
	"$KV.*.>", logSubject + ".>", talkSubject + ".>",
	"$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*", "$JS.API.STREAM.MSG.GET.*", "$JS.API.DIRECT.GET.>",
	"$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DELETE.>", "$JS.API.CONSUMER.MSG.NEXT.>",
}

func userKey(seed []byte) (nkeys.KeyPair, error) {
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, seed)
	if err != nil {
		return nil, fmt.Errorf("deriving the broker user: %w", err)
	}
	return pair, nil
}
