package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// talkSubject is where nodes tell each other what is not kept.
const talkSubject = "PICKET.talk"

// talkQueue is how many messages wait to be heard. More than that are lost.
const talkQueue = 4096

// Talk is what nodes tell each other and nobody keeps: a message reaches the nodes that are connected now, in about a
// millisecond, and may be lost. It is sealed, so that a node hears only what nodes of its cluster said.
type Talk struct {
	broker  *Broker
	subject string
	sealer  *Sealer
}

// Talk is one of its kind; the topic fits into a subject of NATS. Nothing is sent or heard before Open.
func (b *Broker) Talk(topic string) *Talk {
	if b.options.Prefix != "" {
		topic = b.options.Prefix + "-" + topic
	}
	return &Talk{broker: b, subject: talkSubject + "." + topic, sealer: b.keys.Sealer("talk")}
}

// Tell sends a message to every node, this one among them. No error does not mean that it arrives anywhere.
func (t *Talk) Tell(message []byte) error {
	if err := t.broker.conn.Publish(t.subject, t.sealer.Seal(message, t.subject)); err != nil {
		return fmt.Errorf("telling the other nodes: %w", err)
	}
	return nil
}

// Run hears what is told, one message after the other, until ctx ends. What does not open is not heard.
func (t *Talk) Run(ctx context.Context, hear func(message []byte)) error {
	messages := make(chan *nats.Msg, talkQueue)
	sub, err := t.broker.conn.ChanSubscribe(t.subject, messages)
	if err != nil {
		return fmt.Errorf("listening to the other nodes: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may have ended before
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-messages:
			plain, err := t.sealer.Open(m.Data, t.subject)
			if err != nil {
				t.broker.log.Debug().Err(err).Str("subject", t.subject).Msg("a message from no node of this cluster")
				continue
			}
			hear(plain)
		}
	}
}
