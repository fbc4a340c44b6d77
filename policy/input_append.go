package policy

import (
	"net/netip"
	"strconv"
	"time"
)

// MarshalJSON writes an Input as ParseInput reads it, and exactly that: what is read again is equal. Of header fields it
// writes those of Headers; those of another kind of Fields, whose names nobody can tell, are left out.
func (in *Input) MarshalJSON() ([]byte, error) { return in.AppendJSON(nil), nil }

// AppendJSON is MarshalJSON behind what dst holds.
func (in *Input) AppendJSON(dst []byte) []byte {
	dst = appendTime(appendTop(dst, in.Authenticated), `,"now":`, in.Now)
	if in.Data != nil {
		dst = appendObject(append(dst, `,"data":`...), in.Data.blocks, appendBlock)
	}
	dst = in.appendCaller(dst)
	begin, r := len(dst), &in.Request
	dst = r.appendAim(append(dst, requestSection...))
	dst = appendString(dst, `,"query":`, r.Query)
	if r.Header != nil {
		headers, _ := r.Header.(Headers)
		dst = appendObject(append(dst, `,"headers":`...), headers, AppendText)
	}
	dst = end(r.appendRest(dst), begin, requestSection)
	return append(in.appendMachine(dst), '}')
}

// A section is written as its name, and behind it the facts that there are in it, each with a comma before it; end mends
// that. The facts and their order are those of the table of sections, which the scanner goes by.
const (
	userSection        = `,"user":`
	sessionSection     = `,"session":`
	requestSection     = `,"request":`
	certificateSection = `,"certificate":`
	workloadSection    = `,"workload":`
	serviceSection     = `,"service":`
)

// end makes an object of the facts that were written since a section began, or takes its name back when there are none.
func end(dst []byte, begin int, section string) []byte {
	facts := begin + len(section)
	if len(dst) == facts {
		return dst[:begin]
	}
	dst[facts] = '{' // in the place of the first comma
	return append(dst, '}')
}

// appendTop begins the object with what stands in no section and is always told.
func appendTop(dst []byte, authenticated bool) []byte {
	return strconv.AppendBool(append(dst, `{"authenticated":`...), authenticated)
}

// appendCaller writes the sections of the user and the session.
func (in *Input) appendCaller(dst []byte) []byte {
	begin, u := len(dst), &in.User
	dst = appendString(append(dst, userSection...), `,"id":`, u.ID)
	dst = appendString(dst, `,"email":`, u.Email)
	dst = appendTrue(dst, `,"email_verified":`, u.EmailVerified)
	dst = appendString(dst, `,"name":`, u.Name)
	dst = appendStrings(dst, `,"groups":`, u.Groups)
	dst = appendClaims(dst, u.Claims)
	dst = end(appendString(dst, `,"identity":`, u.Identity), begin, userSection)

	begin, s := len(dst), &in.Session
	dst = appendString(append(dst, sessionSection...), `,"id":`, s.ID)
	dst = appendTime(dst, `,"begun":`, s.Begun)
	dst = appendTime(dst, `,"authenticated":`, s.Authenticated)
	dst = appendString(dst, `,"acr":`, s.ACR)
	dst = appendStrings(dst, `,"amr":`, s.AMR)
	dst = appendString(dst, `,"identity":`, s.Identity)
	return end(appendString(dst, `,"device":`, s.Device), begin, sessionSection)
}

// appendAim writes what is asked for, up to the query.
func (r *Request) appendAim(dst []byte) []byte {
	dst = appendString(dst, `,"method":`, r.Method)
	dst = appendString(dst, `,"host":`, r.Host)
	return appendString(dst, `,"path":`, r.Path)
}

// appendRest writes what stands behind the header fields.
func (r *Request) appendRest(dst []byte) []byte {
	dst = appendAddress(dst, `,"ip":`, r.IP)
	dst = appendString(dst, `,"scheme":`, r.Scheme)
	dst = appendString(dst, `,"user_agent":`, r.UserAgent)
	dst = appendTrue(dst, `,"cors_preflight":`, r.CORSPreflight)
	return appendTrue(dst, `,"websocket":`, r.WebSocket)
}

// appendMachine writes the sections of what is not a person.
func (in *Input) appendMachine(dst []byte) []byte {
	dst = in.Certificate.append(dst)
	begin, w := len(dst), &in.Workload
	dst = appendString(append(dst, workloadSection...), `,"issuer":`, w.Issuer)
	dst = appendString(dst, `,"subject":`, w.Subject)
	dst = end(appendClaims(dst, w.Claims), begin, workloadSection)

	begin = len(dst)
	dst = appendString(append(dst, serviceSection...), `,"id":`, in.Service.ID)
	return end(appendString(dst, `,"name":`, in.Service.Name), begin, serviceSection)
}

// append writes the section of a certificate. That there was none is told too, beside what is known of one: to leave it
// out says something else.
func (c *Certificate) append(dst []byte) []byte {
	begin := len(dst)
	dst = strconv.AppendBool(append(append(dst, certificateSection...), `,"present":`...), c.Present)
	first := len(dst)
	dst = appendTrue(dst, `,"valid":`, c.Valid)
	dst = appendString(dst, `,"fingerprint":`, c.Fingerprint)
	dst = appendString(dst, `,"spki":`, c.SPKI)
	dst = appendString(dst, `,"subject":`, c.Subject)
	dst = appendString(dst, `,"issuer":`, c.Issuer)
	dst = appendStrings(dst, `,"san_dns":`, c.SANDNS)
	dst = appendStrings(dst, `,"san_email":`, c.SANEmail)
	dst = appendStrings(dst, `,"san_uri":`, c.SANURI)
	if !c.Present && len(dst) == first {
		return dst[:begin]
	}
	return end(dst, begin, certificateSection)
}

func appendString(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return AppendText(append(dst, name...), value)
}

func appendTrue(dst []byte, name string, value bool) []byte {
	if !value {
		return dst
	}
	return append(append(dst, name...), "true"...)
}

func appendStrings(dst []byte, name string, values []string) []byte {
	if values == nil {
		return dst
	}
	return appendList(append(dst, name...), values, AppendText)
}

func appendClaims(dst []byte, claims map[string]any) []byte {
	if claims == nil {
		return dst
	}
	return appendObject(append(dst, `,"claims":`...), claims, appendValue)
}

func appendTime(dst []byte, name string, when time.Time) []byte {
	if when.IsZero() || !writable(when) {
		return dst
	}
	return append(when.UTC().AppendFormat(append(append(dst, name...), '"'), time.RFC3339Nano), '"')
}

func appendAddress(dst []byte, name string, ip netip.Addr) []byte {
	if !ip.IsValid() {
		return dst
	}
	dst = append(dst, name...)
	if ip.Zone() != "" { // which may hold any byte
		return AppendText(dst, ip.String())
	}
	return append(ip.AppendTo(append(dst, '"')), '"')
}
