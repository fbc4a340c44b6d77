package policy

import (
	"cmp"
	"slices"
	"strings"
)

// keptData is what is kept of a block of data.
type keptData struct {
	block string
	what  keptWhat
	key   string // of keptValue
}

// keptWhat is how much that is: less goes behind more.
type keptWhat uint8

const (
	keptAll   keptWhat = iota // the whole block
	keptValue                 // the value of a key
	keptName                  // that the block is there
)

// appendData writes what the policies of these names ask of data.
func (s *Set) appendData(dst []byte, in *Input, names []string) []byte {
	if in.Data == nil {
		return dst
	}
	dst = append(dst, `,"data":{`...)
	if s.asksData(names) {
		dst = s.appendAsked(dst, in, names)
	}
	return append(dst, '}')
}

// asksData tells whether one of the policies of these names asks for data.
func (s *Set) asksData(names []string) bool {
	for _, name := range names {
		if policy := s.policies[name]; policy != nil && policy.asksData() {
			return true
		}
	}
	return false
}

func (p *compiled) asksData() bool {
	for _, part := range p.parts {
		if len(part.data) > 0 {
			return true
		}
	}
	return false
}

// appendAsked writes block by block.
func (s *Set) appendAsked(dst []byte, in *Input, names []string) []byte {
	f := s.frames.lend(in)
	defer s.frames.takeBack(f)
	var room [16]keptData // enough for most
	kept := room[:0]
	for _, name := range names {
		if policy := s.policies[name]; policy != nil {
			kept = policy.keep(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b keptData) int {
		return cmp.Or(strings.Compare(a.block, b.block), cmp.Compare(a.what, b.what), strings.Compare(a.key, b.key))
	})
	for first := true; len(kept) > 0; first = false {
		n := 1
		for n < len(kept) && kept[n].block == kept[0].block {
			n++
		}
		if !first {
			dst = append(dst, ',')
		}
		dst = append(AppendText(dst, kept[0].block), ':')
		dst = appendKept(dst, in.Data.blocks[kept[0].block], kept[:n])
		kept = kept[n:]
	}
	return dst
}

// keep notes what a policy reads.
func (p *compiled) keep(kept []keptData, f *frame) []keptData {
	for _, part := range p.parts {
		for i := range part.data {
			kept = part.data[i].keep(kept, f)
		}
	}
	return kept
}

// keep notes what is read of a block, if there is one.
func (r *dataRead) keep(kept []keptData, f *frame) []keptData {
	block := f.in.Data.Block(r.block)
	if block == nil {
		return kept
	}
	if r.key == nil {
		return append(kept, keptData{r.block, keptAll, ""})
	}
	key, ok := r.key(f)
	if _, found := block[key]; ok && found {
		return append(kept, keptData{r.block, keptValue, key})
	}
	return append(kept, keptData{r.block, keptName, ""})
}

// appendKept writes what is kept of one block, sorted, as appendBlock does.
func appendKept(dst []byte, block map[string]any, kept []keptData) []byte {
	if kept[0].what == keptAll {
		return appendBlock(dst, block)
	}
	begin := len(dst)
	dst = append(dst, '{')
	for i, k := range kept {
		if k.what != keptValue || i > 0 && k.key == kept[i-1].key {
			continue
		}
		value := block[k.key]
		if value == (any)(Unreadable{}) {
			return appendBlock(dst[:begin], few(block, kept))
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(append(AppendText(dst, k.key), ':'), value)
	}
	return append(dst, '}')
}

// few are the values of a block that are kept.
func few(block map[string]any, kept []keptData) map[string]any {
	values := make(map[string]any)
	for _, k := range kept {
		if k.what == keptValue {
			values[k.key] = block[k.key]
		}
	}
	return values
}
