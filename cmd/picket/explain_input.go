package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"picket/node/config"
)

// question is the input of a decision as a command line tells it.
type question struct {
	file, session                             string
	user, acr, age, now                       string
	ip, method, host, path                    string
	groups, amr, claims, headers, query, data []string
	set                                       []string
}

// flags lets a command take a question.
func (q *question) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.file, "input", "", "the input as JSON, or a record of the decision log, from this file; -: from standard input")
	f.StringVar(&q.session, "session", "", "the facts of this session, asked of a running node (see --admin)")
	f.StringVar(&q.user, "user", "", "email address of the user; without an @, the id")
	f.StringArrayVar(&q.groups, "group", nil, "a group that the user is in; again for each")
	f.StringArrayVar(&q.claims, "claim", nil, "a claim of the user: NAME=VALUE")
	f.StringVar(&q.ip, "ip", "", "address that the request comes from")
	f.StringVar(&q.method, "method", "", "method of the request")
	f.StringVar(&q.host, "host", "", "host of the request")
	f.StringVar(&q.path, "path", "", "path of the request")
	f.StringArrayVar(&q.headers, "header", nil, "a header field of the request: NAME=VALUE")
	f.StringArrayVar(&q.query, "query", nil, "a value of the query: NAME=VALUE")
	f.StringVar(&q.acr, "acr", "", "authentication class that the session shows")
	f.StringArrayVar(&q.amr, "amr", nil, "authentication method that the session shows; again for each")
	f.StringVar(&q.age, "age", "", "how long ago the user signed in: 2h")
	f.StringVar(&q.now, "now", "", "what time it is: 2026-01-31T18:00:00Z")
	f.StringArrayVar(&q.data, "data", nil, "a fact of a data block: BLOCK/KEY=VALUE")
	f.StringArrayVar(&q.set, "set", nil, "any fact by its name: session.device=laptop")
}

// base is what --input or --session tell, as encoding/json decodes it; and the route, when it is of a record of the
// decision log.
func (t terminal) base(c *cobra.Command, conf *config.Config, q *question) (values map[string]any, route string, err error) {
	switch {
	case q.session != "":
		values, err = t.ofSession(c, conf, q.session)
		return values, "", err
	case q.file != "":
		return readInput(c.InOrStdin(), q.file)
	}
	return map[string]any{}, "", nil
}

// readInput reads an input from a file.
func readInput(stdin io.Reader, file string) (values map[string]any, route string, err error) {
	text, err := readFile(stdin, file)
	if err != nil {
		return nil, "", fmt.Errorf("reading the input: %w", err)
	}
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, "", fmt.Errorf("reading the input: %s is no JSON object: %w", shownFile(file), err)
	}
	if inner, ok := values["input"].(map[string]any); ok {
		route, _ = values["route"].(string)
		return inner, route, nil
	}
	if values == nil {
		values = map[string]any{}
	}
	return values, "", nil
}

// readFile reads a file, or standard input when it is called "-".
func readFile(stdin io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

// shownFile is how messages call a file.
func shownFile(file string) string {
	if file == "-" {
		return "standard input"
	}
	return printable(file)
}

// apply puts what flags tell in the place of single facts.
func (q *question) apply(values map[string]any) error {
	who := "email"
	if !strings.Contains(q.user, "@") {
		who = "id"
	}
	path, query, _ := strings.Cut(q.path, "?")
	for _, fact := range []struct{ section, name, value string }{
		{"user", who, q.user}, {"session", "acr", q.acr}, {"session", "age", q.age}, {"request", "ip", q.ip},
		{"request", "method", strings.ToUpper(q.method)}, {"request", "host", strings.ToLower(q.host)},
		{"request", "path", path}, {"request", "query", query},
	} {
		if fact.value != "" {
			section(values, fact.section)[fact.name] = fact.value
		}
	}
	if q.now != "" {
		values["now"] = q.now
	}
	putList(values, "user", "groups", q.groups)
	putList(values, "session", "amr", q.amr)
	return errors.Join(q.applyClaims(values), q.applyHeaders(values), q.applyQuery(values), q.applyData(values), q.applySet(values))
}

// section is a part of the input; it is made when there is none.
func section(values map[string]any, name string) map[string]any {
	part, ok := values[name].(map[string]any)
	if !ok {
		part = map[string]any{}
		values[name] = part
	}
	return part
}

func putList(values map[string]any, in, name string, items []string) {
	if len(items) == 0 {
		return
	}
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = item
	}
	section(values, in)[name] = list
}

func (q *question) applyClaims(values map[string]any) error {
	return eachPair("--claim", "NAME=VALUE", q.claims, func(name, value string) error {
		section(section(values, "user"), "claims")[name] = jsonOr(value)
		return nil
	})
}

func (q *question) applyHeaders(values map[string]any) error {
	return eachPair("--header", "NAME=VALUE", q.headers, func(name, value string) error {
		section(section(values, "request"), "headers")[textproto.CanonicalMIMEHeaderKey(name)] = value
		return nil
	})
}

func (q *question) applyQuery(values map[string]any) error {
	all := url.Values{}
	err := eachPair("--query", "NAME=VALUE", q.query, func(name, value string) error {
		all.Add(name, value)
		return nil
	})
	if len(all) > 0 {
		section(values, "request")["query"] = all.Encode()
	}
	return err
}

func (q *question) applyData(values map[string]any) error {
	const form = "BLOCK/KEY=VALUE"
	return eachPair("--data", form, q.data, func(name, value string) error {
		block, key, ok := strings.Cut(name, "/")
		if !ok || block == "" || key == "" {
			return misused("--data takes %s, not %q", form, name+"="+value)
		}
		section(section(values, "data"), block)[key] = jsonOr(value)
		return nil
	})
}

func (q *question) applySet(values map[string]any) error {
	return eachPair("--set", "FACT=VALUE", q.set, func(name, value string) error {
		if in, fact, ok := strings.Cut(name, "."); ok {
			section(values, in)[fact] = factOf(value)
		} else {
			values[name] = factOf(value)
		}
		return nil
	})
}

// eachPair takes NAME=VALUE apart.
func eachPair(flag, form string, pairs []string, take func(name, value string) error) error {
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return misused("%s takes %s, not %q", flag, form, pair)
		}
		if err := take(name, value); err != nil {
			return err
		}
	}
	return nil
}

// jsonOr is a value of JSON where it reads as such, else a text.
func jsonOr(written string) any {
	var value any
	if json.Unmarshal([]byte(written), &value) != nil {
		return written
	}
	return value
}

// factOf is the value of a fact: true or false, a list, an object, or else a text. No fact is a number.
func factOf(written string) any {
	value := jsonOr(written)
	if _, number := value.(float64); number {
		return written
	}
	return value
}

// ofRoute tells of a request what a route says of all that reach it, unless it was told already.
func ofRoute(values map[string]any, r *config.Route) {
	request := section(values, "request")
	method, path := "GET", ""
	if first := r.Everything()[0]; first.Kind != config.PatternPath {
		path = first.Text
	}
	if len(r.Methods) > 0 {
		method = r.Methods[0]
	}
	if r.Connect != "" {
		method, path = "CONNECT", ""
	}
	for name, value := range map[string]string{"method": method, "host": r.From.Host, "scheme": r.From.Scheme, "path": path} {
		if _, told := request[name]; !told && !strings.Contains(value, "*") {
			request[name] = value
		}
	}
}
