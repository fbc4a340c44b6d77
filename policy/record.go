package policy

import (
	"slices"
	"strings"
	"time"
)

// hiddenValue takes the place of what is likely to be a secret in what is written down.
const hiddenValue = "hidden"

// AppendRecord writes, behind what dst holds, what a decision was made of, for a log from which decisions are made
// again: in, as AppendJSON writes it, but of header fields and of the query only what some policy of the set asks for, and of
// data only what the policies of these names have asked for. Of what is likely to be a secret, by its name as Authorization,
// or because a rule compares it with what env or file gives, it tells only that it was there.
func (s *Set) AppendRecord(dst []byte, in *Input, names ...string) []byte {
	dst, at, caller := s.AppendRecordApart(dst, in, names...)
	return slices.Insert(dst, at, caller...)
}

// AppendRecordApart is AppendRecord that leaves out what was written before of the same user and session: that is caller,
// which belongs before the byte at. Other records have it in common: it is one slice for all, and nobody may change it. Nil:
// nothing is left out.
func (s *Set) AppendRecordApart(dst []byte, in *Input, names ...string) (out []byte, at int, caller []byte) {
	if s == nil {
		kept := *in
		kept.Request.Header, kept.Request.Query, kept.Data = nil, "", nil
		return kept.AppendJSON(dst), len(dst), nil
	}
	dst = s.appendTop(dst, in.Authenticated, in.Now)
	dst = s.appendData(dst, in, names)
	at = len(dst)
	if caller = s.callers.known(in); caller == nil {
		dst = s.callers.append(dst, in)
	}
	dst = s.appendRequest(dst, &in.Request, nil)
	return append(in.appendMachine(dst), '}'), at, caller
}

// appendTop begins a record with what stands in no section.
func (s *Set) appendTop(dst []byte, authenticated bool, now time.Time) []byte {
	dst = appendTop(dst, authenticated)
	if now.IsZero() || !writable(now) {
		return dst
	}
	return append(s.instants.append(append(dst, `,"now":"`...), now), '"')
}

// appendRequest writes the section of the request, in which headers stand as they were written before, if they were.
func (s *Set) appendRequest(dst []byte, r *Request, headers []byte) []byte {
	begin := len(dst)
	dst = r.appendAim(append(dst, requestSection...))
	if r.Query != "" {
		f := s.frames.lend(nil)
		dst = s.reads.appendQuery(dst, r.Query, f)
		s.frames.takeBack(f)
	}
	dst = append(s.reads.appendHeaders(dst, r.Header), headers...)
	return end(r.appendRest(dst), begin, requestSection)
}

// AppendTime writes a time as AppendRecord does: as time.RFC3339Nano, in UTC.
func (s *Set) AppendTime(dst []byte, when time.Time) []byte {
	if s == nil {
		return when.UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	return s.instants.append(dst, when)
}

// appendHeaders writes the header fields that somebody asks for, if they were sent.
func (r *reads) appendHeaders(dst []byte, all Fields) []byte {
	if all == nil {
		return dst
	}
	dst = append(dst, `,"headers":{`...)
	first := len(dst)
	for _, asked := range r.fields {
		value, ok := all.Field(asked.name)
		if !ok {
			continue
		}
		if asked.secret {
			value = hiddenValue
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = AppendText(append(AppendText(dst, asked.name), ':'), value)
	}
	return append(dst, '}')
}

// appendQuery leaves out the pairs that nobody asks for. What makes a query unclear stays.
func (r *reads) appendQuery(dst []byte, query string, f *frame) []byte {
	if strings.IndexByte(query, ';') >= 0 {
		return append(dst, `,"query":";"`...)
	}
	begin := len(dst)
	dst = append(dst, `,"query":"`...)
	first := len(dst)
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		escaped, _, _ := strings.Cut(pair, "=")
		name, ok := unescape(f, escaped)
		secret, asked := r.query[name]
		if pair == "" || ok && !r.wholeQuery && !asked {
			continue
		}
		if len(dst) > first {
			dst = append(dst, '&')
		}
		if ok && (secret || secretName(name)) {
			dst = append(appendEscaped(dst, escaped), "="+hiddenValue...)
		} else {
			dst = appendEscaped(dst, pair)
		}
	}
	if len(dst) == first {
		return dst[:begin]
	}
	return append(dst, '"')
}
