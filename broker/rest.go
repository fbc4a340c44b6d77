package broker

import (
	"bytes"
	"encoding/json"
	"maps"
)

// Rest is embedded in the type of a record that nodes read, change and write back. It carries the fields that this
// version does not know from the reading to the writing, so that an old node does not undo what a newer one noted.
//
// Only fields at the top of a record are carried: one inside an inner object goes when an old node writes the record.
// What an old node must not lose, or not act without, is another matter: see Spec.Schema.
type Rest struct {
	fields map[string]json.RawMessage // nil: none, as ever but during an upgrade; never changed
}

func (r *Rest) rest() *Rest { return r }

// resting is a record that carries what it does not know.
type resting interface{ rest() *Rest }

// unmarshal reads a record's JSON into v, what it does not know included where v can carry it.
func unmarshal(plain []byte, v any) error {
	carrier, ok := v.(resting)
	if !ok {
		return json.Unmarshal(plain, v)
	}
	strict := json.NewDecoder(bytes.NewReader(plain))
	strict.DisallowUnknownFields()
	if strict.Decode(v) == nil && !strict.More() {
		return nil
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return err
	}
	known, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var fields, mine map[string]json.RawMessage
	if err := json.Unmarshal(plain, &fields); err != nil {
		return err
	}
	if err := json.Unmarshal(known, &mine); err != nil {
		return err
	}
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { _, ok := mine[name]; return ok })
	carrier.rest().fields = fields
	return nil
}

// marshal is unmarshal's opposite. What v says goes before what it carries.
func marshal(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	carrier, ok := v.(resting)
	if !ok || len(carrier.rest().fields) == 0 {
		return plain, nil
	}
	var mine map[string]json.RawMessage
	if err := json.Unmarshal(plain, &mine); err != nil {
		return nil, err
	}
	all := maps.Clone(carrier.rest().fields)
	maps.Copy(all, mine)
	return json.Marshal(all)
}
