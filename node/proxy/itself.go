package proxy

import (
	"net/http"

	"picket/node/config"
	"picket/node/proxy/http1"
)

// lead takes an admitted request to where its route leads: an answer of the route itself, or the application.
func (d *Door) lead(a *ask) {
	switch {
	case a.route.Redirect != nil:
		d.redirect(a)
		return
	case a.route.Respond != nil:
		d.reply(a, a.route.Respond.Status, a.route.Respond.Body, http1.Field{Name: "Content-Type", Value: a.route.Respond.ContentType})
		return
	}
	if limit := a.route.BodyLimit; limit > 0 && a.r.Length > limit {
		d.turnAway(a, tooLarge(a.route.Name))
		return
	}
	if f := a.rewrite(); f != nil {
		d.turnAway(a, f)
		return
	}
	d.carry(a)
}

// redirect sends whoever asked to another address.
func (d *Door) redirect(a *ask) {
	to, err := location(a.route.Route, a.origin, a.in.Request.Path, a.in.Request.Query)
	if err != nil {
		d.turnAway(a, malformed(err.Error()))
		return
	}
	d.reply(a, a.route.Redirect.Code, "", http1.Field{Name: "Location", Value: to})
}

// location is where a route sends whoever asked at an origin for a canonical path. The host is of the configuration, or one
// of its hosts that was asked for.
func location(r *config.Route, asked config.Origin, path, query string) (string, error) {
	to := r.Redirect
	switch {
	case to.Path != "":
		path = to.Path
	case to.Prefix != "":
		match, _ := r.Match(path)
		path = inPlaceOf(path, match, to.Prefix)
	}
	path, err := canonicalPath(path)
	if err != nil {
		return "", errRewritten
	}
	address := to.At(asked).String() + path
	if query != "" && !to.StripQuery {
		address += "?" + query
	}
	return address, nil
}

// reply answers in place of an application.
func (d *Door) reply(a *ask, status int, body string, field http1.Field) {
	a.hangUp()
	var fields http1.Fields
	if field.Value != "" {
		fields = append(fields, field)
	}
	a.route.answered.apply(&fields, &a.in)
	a.w.Begin(http1.Reply{Status: status, Fields: fields, Length: int64(len(body))})
	var err error
	if body != "" && a.r.Method != http.MethodHead {
		_, err = a.w.Write([]byte(body))
	}
	if err == nil {
		err = a.w.Finish(nil)
	}
	if err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("answering")
	}
}
