package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// book is a record that this version knows.
type book struct {
	Rest
	Title string `json:"title"`
	Pages int    `json:"pages,omitempty"`
}

// nextBook is the same as the next version has it.
type nextBook struct {
	Rest
	Title  string   `json:"title"`
	Pages  int      `json:"pages,omitempty"`
	Author string   `json:"author"`
	Tags   []string `json:"tags,omitempty"`
}

func TestAFieldThatThisVersionDoesNotKnowIsKept(t *testing.T) {
	for _, spec := range []Spec{{Name: "books"}, {Name: "sealed", Sealed: true}} {
		b := start(t, Options{})
		next, err := OpenBucket[nextBook](t.Context(), b, spec)
		if err != nil {
			t.Fatal(err)
		}
		old, err := OpenBucket[book](t.Context(), b, spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.Create(t.Context(), "a", nextBook{Title: "Dune", Author: "Herbert", Tags: []string{"sand"}}, 0); err != nil {
			t.Fatal(err)
		}
		e, err := old.Get(t.Context(), "a")
		if err != nil || e.Value.Title != "Dune" {
			t.Fatalf("%+v, %v", e.Value, err)
		}
		e.Value.Title, e.Value.Pages = "Dune Messiah", 256
		if _, err := old.Update(t.Context(), "a", e.Value, e.Revision, 0); err != nil {
			t.Fatal(err)
		}
		got, err := next.Get(t.Context(), "a")
		if v := got.Value; err != nil || v.Title != "Dune Messiah" || v.Pages != 256 || v.Author != "Herbert" || len(v.Tags) != 1 {
			t.Errorf("%s: %+v, %v", spec.Name, v, err)
		}
	}
}

// later are records as a newer version may write them: tagged or sealed in a new way, or of a new schema.
func later(b *Bucket[note], way string) *nats.Msg {
	msg := b.raw.message("a", []byte(`{"text":"later"}`))
	switch way {
	case "schema":
		msg.Header.Set(headerSchema, "2")
	case "tag":
		msg.Header.Set(headerTag, "3."+strings.Repeat("A", tagLength))
	case "seal":
		msg.Data[0] = sealVersion + 1
	}
	return msg
}

func TestARecordOfANewerVersionIsUnknownAndStays(t *testing.T) {
	for _, c := range []struct {
		way  string
		spec Spec
	}{
		{"schema", Spec{Name: "plain", Decides: true}}, {"tag", Spec{Name: "plain", Decides: true}},
		{"schema", Spec{Name: "sealed", Sealed: true, Decides: true}}, {"seal", Spec{Name: "sealed", Sealed: true, Decides: true}},
	} {
		t.Run(c.spec.Name+" by "+c.way, func(t *testing.T) {
			b := start(t, Options{})
			log := &lines{}
			b.log = zerolog.New(log)
			bucket := open(t, b, c.spec)
			cache := NewCache(bucket, 10)
			written, err := bucket.raw.publish(t.Context(), "a", later(bucket, c.way), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, got := bucket.Get(t.Context(), "a")
			_, cached := cache.Get(t.Context(), "a")
			_, put := bucket.Put(t.Context(), "a", note{"over"}, 0)
			for what, err := range map[string]error{"reading": got, "reading through the cache": cached, "putting": put} {
				if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "newer version") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, err := bucket.Create(t.Context(), "a", note{"over"}, 0); !errors.Is(err, ErrConflict) {
				t.Errorf("creating: %v", err)
			}
			if !log.has("written by a newer version of picket") {
				t.Error("the log does not say so")
			}
			if sum, err := b.Reseal(t.Context(), nil); err != nil || sum.Unreadable != 1 {
				t.Errorf("resealing: %+v, %v", sum, err)
			}
			last, _ := confirm(t, bucket, "a")
			if last.sequence != written {
				t.Errorf("it was changed: %+v", last)
			}
			var file bytes.Buffer
			if _, err := b.Backup(t.Context(), &file, "v1"); err != nil {
				t.Fatal(err)
			}
			into := start(t, Options{})
			restored := open(t, into, c.spec)
			if _, err := into.Restore(t.Context(), &file, RestoreOptions{}); err != nil {
				t.Fatal(err)
			}
			again, _ := confirm(t, restored, "a")
			if !bytes.Equal(again.data, last.data) || again.header.Get(headerSchema) != last.header.Get(headerSchema) || again.header.Get(headerTag) != last.header.Get(headerTag) {
				t.Errorf("it is restored as %+v", again)
			}
		})
	}
}

func TestANodeThatIsUpgradedReadsBothSchemas(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		b := start(t, Options{})
		before, after := Spec{Name: "books", Sealed: sealed}, Spec{Name: "books", Sealed: sealed, Schema: 2}
		old, upgraded := open(t, b, before), open(t, b, after)
		if _, err := old.Put(t.Context(), "a", note{"one"}, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := upgraded.Put(t.Context(), "b", note{"two"}, 0); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"a", "b"} {
			if _, err := upgraded.Get(t.Context(), key); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		if _, err := old.Get(t.Context(), "b"); !errors.Is(err, errNewer) {
			t.Errorf("the old node: %v", err)
		}
		last, _ := confirm(t, upgraded, "b")
		last.header.Del(headerSchema)
		if _, err := old.raw.open("b", last.header, last.data); err == nil {
			t.Error("the schema can be taken off a record")
		}
	}
}

func TestATagOfTheFirstVersionIsStillReadAndResealedAway(t *testing.T) {
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "users"})
	plain, err := json.Marshal(note{"old"})
	if err != nil {
		t.Fatal(err)
	}
	msg := bucket.raw.message("a", plain)
	msg.Header.Set(headerTag, encodeTag(bucket.raw.tagger.Append(nil, []byte("users\x00a\x00"+string(plain)))))
	if _, err := bucket.raw.publish(t.Context(), "a", msg, nil); err != nil {
		t.Fatal(err)
	}
	if e, err := bucket.Get(t.Context(), "a"); err != nil || e.Value.Text != "old" {
		t.Errorf("%+v, %v", e, err)
	}
	if sum, err := b.Reseal(t.Context(), nil); err != nil || sum.Resealed != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	if sum, err := b.Reseal(t.Context(), nil); err != nil || sum.Resealed != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestNoSchemaIsAddedToATagThatIsOverNone(t *testing.T) {
	b := start(t, Options{})
	raw := open(t, b, Spec{Name: "users", Schema: 2}).raw
	plain := []byte(`{"text":"old"}`)
	header := nats.Header{}
	header.Set(headerTag, encodeTag(raw.tagger.Append(nil, raw.tagged(1, "a", 1, plain))))
	if _, err := raw.open("a", header, plain); err != nil {
		t.Fatalf("as it was written: %v", err)
	}
	header.Set(headerSchema, "2")
	if _, err := raw.open("a", header, plain); err == nil {
		t.Error("it opens as a record of another schema")
	}
}

func TestARecordIsBoundToItsPlaceAndVersion(t *testing.T) {
	b := start(t, Options{})
	for _, sealed := range []bool{false, true} {
		here := open(t, b, Spec{Name: "here", Sealed: sealed}).raw
		there := open(t, b, Spec{Name: "there", Sealed: sealed}).raw
		msg := here.message("a", []byte("{}"))
		if _, err := here.open("a", msg.Header, msg.Data); err != nil {
			t.Errorf("in its place: %v", err)
		}
		if _, err := here.open("b", msg.Header, msg.Data); err == nil {
			t.Error("it opens under another key")
		}
		if _, err := there.open("a", msg.Header, msg.Data); err == nil {
			t.Error("it opens in another bucket")
		}
		if tag := msg.Header.Get(headerTag); tag != "" {
			msg.Header.Set(headerTag, strings.TrimPrefix(tag, "2."))
			if _, err := here.open("a", msg.Header, msg.Data); err == nil {
				t.Error("it opens as a record of another version")
			}
		}
	}
}
