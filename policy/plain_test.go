package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// plainJSON writes an Input fact by fact, as the table of facts has them: what AppendJSON and AppendRecord have to write,
// byte for byte, however they go about it.
func plainJSON(dst []byte, in *Input) []byte {
	for i, s := range sections() {
		dst = s.appendPlain(dst, in)
		if i == 0 { // what stands in no section begins the object, and leaves it open
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, '}')
}

// appendPlain writes a section with its name and a comma before it, if there is anything in it. The top, which has no name,
// is written whatever there is.
func (s *section) appendPlain(dst []byte, in *Input) []byte {
	begin := len(dst)
	if s.name != "" {
		dst = append(append(append(dst, `,"`...), s.name...), `":`...)
	}
	dst = append(dst, '{')
	first := len(dst)
	filled := s.name == ""
	for _, f := range s.facts {
		place := f.of(in)
		if empty(place) && !s.tells(f.name) {
			continue
		}
		filled = filled || !empty(place)
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = plainValue(append(append(append(dst, '"'), f.name...), `":`...), place)
	}
	if !filled {
		return dst[:begin]
	}
	return append(dst, '}')
}

// plainValue writes the value at a place that a fact points to.
func plainValue(dst []byte, value any) []byte {
	switch value := value.(type) {
	case *string:
		return plainText(dst, *value)
	case *bool:
		return strconv.AppendBool(dst, *value)
	case *[]string:
		return appendList(dst, *value, plainText)
	case *map[string]any:
		return appendObject(dst, *value, appendValue)
	case *time.Time:
		return append(value.UTC().AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	case *netip.Addr:
		if value.Zone() != "" { // which may hold any byte
			return plainText(dst, value.String())
		}
		return append(value.AppendTo(append(dst, '"')), '"')
	case *Fields:
		headers, _ := (*value).(Headers)
		return appendObject(dst, headers, plainText)
	case **Data:
		return appendObject(dst, (*value).blocks, appendBlock)
	}
	return append(dst, "null"...)
}

// empty tells whether there is nothing at the place that a fact points to, so that it is not written down.
func empty(place any) bool {
	switch place := place.(type) {
	case *string:
		return *place == ""
	case *bool:
		return !*place
	case *[]string:
		return *place == nil
	case *map[string]any:
		return *place == nil
	case *time.Time:
		return place.IsZero() || !writable(*place)
	case *netip.Addr:
		return !place.IsValid()
	case *Fields:
		return *place == nil
	}
	return *place.(**Data) == nil
}

// plainRecord makes an Input of what is to be kept of another, and writes that.
func (s *Set) plainRecord(in *Input, names ...string) []byte {
	kept := *in
	kept.Request.Header, kept.Request.Query, kept.Data = nil, "", nil
	if s != nil {
		kept.Request.Header = s.reads.plainHeaders(in.Request.Header)
		kept.Request.Query = s.reads.plainQuery(in.Request.Query)
		kept.Data = s.plainData(in, names)
	}
	return plainJSON(nil, &kept)
}

func (r *reads) plainHeaders(all Fields) Fields {
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

// plainQuery leaves out the pairs that nobody asks for. What makes a query unclear stays.
func (r *reads) plainQuery(query string) string {
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

// plainData is what the policies of these names ask of data.
func (s *Set) plainData(in *Input, names []string) *Data {
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
				kept.keepPlain(read, in.Data, f)
			}
		}
	}
	return kept
}

// keepPlain takes over what is read of a block.
func (d *Data) keepPlain(read dataRead, from *Data, f *frame) {
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

// plainText writes a text, character by character.
func plainText(dst []byte, value string) []byte {
	dst = append(dst, '"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = fmt.Appendf(dst, "\\u%04x", r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
