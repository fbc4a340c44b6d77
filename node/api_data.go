package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"picket/broker"
)

// largestFact is how many bytes a value may have.
const largestFact = 256 << 10

// The admin API of facts: what the data blocks hold, for `picket data`.

func (a *api) mountData(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/data", a.dataBlocks)
	mux.HandleFunc("GET /v1/data/{name}", a.ofData(a.dataRecords))
	mux.HandleFunc("GET /v1/data/{name}/{key}", a.ofData(a.dataRecord))
	mux.HandleFunc("PUT /v1/data/{name}/{key}", a.ofData(a.putData))
	mux.HandleFunc("DELETE /v1/data/{name}/{key}", a.ofData(a.deleteData))
}

// dataBlocks are the names of the blocks.
func (a *api) dataBlocks(w http.ResponseWriter, _ *http.Request) {
	names := []string{}
	for _, d := range a.node.facts().blocks {
		names = append(names, d.Name)
	}
	answer(w, http.StatusOK, map[string]any{"data": names})
}

// ofData has do answer for the block that the path names, and for the key as the store has it ("" when the path names
// none).
func (a *api) ofData(do func(w http.ResponseWriter, r *http.Request, d *factBlock, key string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.up(w) {
			return
		}
		d := a.node.facts().block(r.PathValue("name"))
		if d == nil {
			fail(w, fmt.Errorf("data block %.64q: %w", r.PathValue("name"), broker.ErrNotFound))
			return
		}
		key, ok := storedKey(r.PathValue("key"))
		if !ok && strings.Contains(r.Pattern, "{key}") {
			malformed(w, fmt.Sprintf("a key is a text of 1 to %d bytes", longestFactKey))
			return
		}
		do(w, r, d, key)
	}
}

// dataRecords is all that a block holds. Records that cannot be read are told by their keys: policies know nothing of them,
// not even that there is none.
func (a *api) dataRecords(w http.ResponseWriter, r *http.Request, d *factBlock, _ string) {
	records, unreadable := map[string]json.RawMessage{}, []string(nil)
	for entry, err := range d.bucket.List(r.Context()) {
		if err != nil && entry.Key == "" {
			fail(w, err)
			return
		}
		key, ok := factKey(entry.Key)
		switch {
		case ok && err == nil:
			records[key] = entry.Value.raw
		case ok:
			unreadable = append(unreadable, key)
		}
	}
	all := map[string]any{"records": records}
	if len(unreadable) > 0 {
		all["unreadable"] = unreadable
	}
	answer(w, http.StatusOK, all)
}

// dataRecord is one value as it was published.
func (a *api) dataRecord(w http.ResponseWriter, r *http.Request, d *factBlock, key string) {
	entry, err := d.bucket.Get(r.Context(), key)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(entry.Value.raw, '\n')) // the client went away
}

// putData stores a value; when it answers, a quorum has it.
func (a *api) putData(w http.ResponseWriter, r *http.Request, d *factBlock, key string) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestFact))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		malformed(w, fmt.Sprintf("a value has at most %d bytes", largestFact))
		return
	}
	var value fact
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	if err != nil {
		malformed(w, "the body is not a JSON value: "+err.Error())
		return
	}
	revision, err := d.bucket.Put(r.Context(), key, value, 0)
	if err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Str("data", d.Name).Str("key", r.PathValue("key")).Msg("fact set by the operator")
	answer(w, http.StatusOK, map[string]uint64{"revision": revision})
}

// deleteData removes a value; when it answers, a quorum has it.
func (a *api) deleteData(w http.ResponseWriter, r *http.Request, d *factBlock, key string) {
	_, err := d.bucket.Get(r.Context(), key)
	if _, unreadable := d.view.Unreadable()[key]; err == nil || unreadable {
		err = d.bucket.Delete(r.Context(), key)
	}
	if err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Str("data", d.Name).Str("key", r.PathValue("key")).Msg("fact removed by the operator")
	answer(w, http.StatusOK, map[string]int{"removed": 1})
}

// malformed answers a request that cannot be understood.
func malformed(w http.ResponseWriter, why string) {
	answer(w, http.StatusBadRequest, map[string]string{"error": why})
}
