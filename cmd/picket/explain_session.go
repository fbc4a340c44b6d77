package main

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"picket/node/config"
)

// ofSession asks a running node for the facts of a session, and for those of the data blocks of the configuration. A
// block that the node does not know is left out: what asks for it is unknown.
func (t terminal) ofSession(c *cobra.Command, conf *config.Config, id string) (map[string]any, error) {
	node, err := t.admin(c)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	if _, err := node.do(c.Context(), http.MethodGet, "/v1/sessions/"+url.PathEscape(id)+"/input", &values); err != nil {
		return nil, gone(err)
	}
	if values == nil {
		values = map[string]any{}
	}
	delete(values, "now") // what time it is, we know ourselves
	for _, block := range conf.Data {
		var answer struct {
			Records map[string]any `json:"records"`
		}
		_, err := node.do(c.Context(), http.MethodGet, "/v1/data/"+url.PathEscape(block.Name), &answer)
		if errors.As(err, &absent{}) {
			continue
		}
		if err != nil {
			return nil, err
		}
		known := map[string]any{}
		for key, value := range answer.Records {
			known[key] = value
		}
		section(values, "data")[block.Name] = known
	}
	return values, nil
}
