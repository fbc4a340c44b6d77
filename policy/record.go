package policy

import (
	"maps"
	"strings"
	"sync"
)

// hiddenValue takes the place of what is likely to be a secret in what is written down.
const hiddenValue = "hidden"

// AppendRecord writes, behind what dst holds, what a decision was made of, for a log from which decisions are made
// again: in, as AppendJSON writes it, but of header fields and of the query only what some policy of the set asks for, and of
// data only what the policies of these names have asked for. Of what is likely to be a secret, by its name as Authorization,
// or because a rule compares it with what env or file gives, it tells only that it was there.
func (s *Set) AppendRecord(dst []byte, in *Input, names ...string) []byte {
	if s == nil {
		return (&Input{}).appendKept(dst, in)
	}
	kept := s.inputs.lend()
	defer s.inputs.takeBack(kept)
	kept.Request.Header = s.reads.keptHeaders(in.Request.Header)
	kept.Request.Query = s.reads.keptQuery(in.Request.Query)
	kept.Data = s.keptData(in, names)
	return kept.appendKept(dst, in)
}

// appendKept writes an input with what is kept of what is open-ended in it.
func (kept *Input) appendKept(dst []byte, in *Input) []byte {
	header, query, data := kept.Request.Header, kept.Request.Query, kept.Data
	*kept = *in
	kept.Request.Header, kept.Request.Query, kept.Data = header, query, data
	return kept.AppendJSON(dst)
}

// inputs lends inputs to write down. The zero inputs is ready.
type inputs struct{ pool sync.Pool }

func (p *inputs) lend() *Input {
	if in, ok := p.pool.Get().(*Input); ok {
		return in
	}
	return new(Input)
}

// takeBack forgets what the input holds of a request.
func (p *inputs) takeBack(in *Input) {
	*in = Input{}
	p.pool.Put(in)
}

func (r *reads) keptHeaders(all Fields) Fields {
	if all == nil {
		return nil
	}
	if len(r.headers) == 0 {
		return Headers(nil)
	}
	kept := make(Headers)
	for name, secret := range r.headers {
		value, ok := all.Field(name)
		switch {
		case ok && secret:
			kept[name] = hiddenValue
		case ok:
			kept[name] = value
		}
	}
	return kept
}

// keptQuery leaves out the pairs that nobody asks for. What makes a query unclear stays.
func (r *reads) keptQuery(query string) string {
	if query == "" {
		return ""
	}
	if strings.IndexByte(query, ';') >= 0 {
		return ";"
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		escaped, _, _ := strings.Cut(pair, "=")
		name, ok := unescape(newFrame(), escaped)
		secret, asked := r.query[name]
		switch {
		case pair == "" || ok && !r.wholeQuery && !asked:
		case ok && (secret || secretName(name)):
			kept = append(kept, escaped+"="+hiddenValue)
		default:
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// keptData is what the policies of these names ask of data.
func (s *Set) keptData(in *Input, names []string) *Data {
	if in.Data == nil {
		return nil
	}
	kept := &Data{make(map[string]map[string]any)}
	f := &frame{in: in}
	for _, name := range names {
		if !s.Has(name) {
			continue
		}
		for _, part := range s.policies[name].parts {
			for _, read := range part.data {
				kept.keep(read, in.Data, f)
			}
		}
	}
	return kept
}

// keep takes over what is read of a block.
func (d *Data) keep(read dataRead, from *Data, f *frame) {
	block := from.Block(read.block)
	if block == nil {
		return
	}
	kept := d.blocks[read.block]
	if kept == nil {
		kept = make(map[string]any)
		d.blocks[read.block] = kept
	}
	if read.key == nil {
		maps.Copy(kept, block)
		return
	}
	key, ok := read.key(f)
	if value, found := block[key]; ok && found {
		kept[strings.Clone(key)] = value
	}
}
