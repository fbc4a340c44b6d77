package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// copyStall is how long a copy may stand still.
	copyStall = 30 * time.Second
	// copyChunk is what one message of a copy holds, in bytes.
	copyChunk = 128 << 10
)

// apiAnswer is the part of an answer of JetStream that says whether it worked.
type apiAnswer struct {
	Error *struct {
		Code        int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

func (a apiAnswer) err() error {
	if a.Error == nil {
		return nil
	}
	return fmt.Errorf("%s (%d)", a.Error.Description, a.Error.Code)
}

// copied is a stream on its way: its configuration and how much of it there is, in the server's own words.
type copied struct {
	apiAnswer
	Config  json.RawMessage `json:"config"`
	State   json.RawMessage `json:"state"`
	Deliver string          `json:"deliver_subject"`
}

// copyStream takes a stream from one server to another, as JetStream's own backup does: all messages at their sequences,
// with their headers and times. On the other it must not exist.
func copyStream(ctx context.Context, from, to *nats.Conn, name string) error {
	inbox := from.NewInbox()
	chunks, err := from.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = chunks.Unsubscribe() }()
	if err := chunks.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	var source, target copied
	ask := map[string]any{"deliver_subject": inbox, "no_consumers": true, "chunk_size": copyChunk}
	if err := askAPI(ctx, from, "$JS.API.STREAM.SNAPSHOT."+name, ask, &source); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	offer := map[string]any{"config": source.Config, "state": source.State}
	if err := askAPI(ctx, to, "$JS.API.STREAM.RESTORE."+name, offer, &target); err != nil {
		return fmt.Errorf("writing it: %w", err)
	}
	for {
		more, err := passChunk(ctx, chunks, to, target.Deliver)
		if err != nil {
			return err
		}
		if !more {
			return endCopy(ctx, to, target.Deliver, source.State)
		}
	}
}

// passChunk passes one piece on; false: there are no more.
func passChunk(ctx context.Context, chunks *nats.Subscription, to *nats.Conn, subject string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, copyStall)
	defer cancel()
	msg, err := chunks.NextMsgWithContext(ctx)
	if err != nil {
		return false, fmt.Errorf("reading it: %w", err)
	}
	if len(msg.Data) == 0 {
		if status := msg.Header.Get("Status"); status != "" && status != "204" {
			return false, fmt.Errorf("reading it: %s %s", status, msg.Header.Get("Description"))
		}
		return false, nil
	}
	answer, err := to.RequestWithContext(ctx, subject, msg.Data)
	if err != nil {
		return false, fmt.Errorf("writing it: %w", err)
	}
	if len(answer.Data) > 0 { // it has nothing to say when all is well
		var said apiAnswer
		err := json.Unmarshal(answer.Data, &said)
		return false, fmt.Errorf("writing it: %w", errors.Join(err, said.err()))
	}
	if msg.Reply != "" {
		err = msg.Respond(nil)
	}
	return true, err
}

// endCopy says that this was all, and compares what arrived with what was sent.
func endCopy(ctx context.Context, to *nats.Conn, subject string, sent json.RawMessage) error {
	var made struct {
		apiAnswer
		State json.RawMessage `json:"state"`
	}
	if err := askAPI(ctx, to, subject, nil, &made); err != nil {
		return fmt.Errorf("writing the end of it: %w", err)
	}
	var was, is struct {
		Messages uint64 `json:"messages"`
		Last     uint64 `json:"last_seq"`
	}
	if err := errors.Join(json.Unmarshal(sent, &was), json.Unmarshal(made.State, &is)); err != nil {
		return fmt.Errorf("comparing: %w", err)
	}
	// What expired on the way is less, or a marker more; what the store itself lost on the way it says by an error.
	if is.Last < was.Last || was.Messages > 0 && is.Messages == 0 {
		return fmt.Errorf("the copy is not the same: %+v became %+v", was, is)
	}
	return nil
}

// askAPI asks JetStream and reads the answer into v, unless it is a refusal.
func askAPI(ctx context.Context, conn *nats.Conn, subject string, ask, v any) error {
	ctx, cancel := context.WithTimeout(ctx, copyStall)
	defer cancel()
	var text []byte
	if ask != nil {
		var err error
		if text, err = json.Marshal(ask); err != nil {
			return err
		}
	}
	msg, err := conn.RequestWithContext(ctx, subject, text)
	if err != nil {
		return err
	}
	var said apiAnswer
	if err := json.Unmarshal(msg.Data, &said); err != nil {
		return err
	}
	if err := said.err(); err != nil {
		return err
	}
	return json.Unmarshal(msg.Data, v)
}
