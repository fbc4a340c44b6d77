package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// vocabulary reports every name in a body that its shape does not have, and every block that stands twice.
// place is how the body is called in messages.
func (d *decoder) vocabulary(place string, body *hclsyntax.Body, s shape) {
	for _, attribute := range body.Attributes {
		d.attributeName(place, body, attribute, s)
	}
	first := map[string]hcl.Range{}
	for _, b := range body.Blocks {
		inner, ok := d.blockName(place, body, b, s)
		if !ok {
			continue
		}
		d.labels(b, inner)
		if !inner.elsewhere {
			d.once(b, inner, first)
			d.vocabulary(called(b.Type), b.Body, inner)
		}
	}
}

func (d *decoder) attributeName(place string, body *hclsyntax.Body, a *hclsyntax.Attribute, s shape) {
	_, block := s.blocks[a.Name]
	switch {
	case slices.Contains(s.attributes, a.Name):
	case block:
		d.fail(blockExpected, a.NameRange, "%s is a block. Write %s { … } without the equals sign.", a.Name, a.Name)
	case slices.Contains(s.later, a.Name):
		d.later(a.NameRange, a.Name)
	default:
		d.fail(unknownAttribute, a.NameRange, "There is no attribute %q in %s.%s", a.Name, place, d.hint(body, a.Name, s))
	}
}

// blockName finds the shape of a block; ok is false when there is none, which is reported.
func (d *decoder) blockName(place string, body *hclsyntax.Body, b *hclsyntax.Block, s shape) (inner shape, ok bool) {
	inner, ok = s.blocks[b.Type]
	switch {
	case ok:
	case slices.Contains(s.attributes, b.Type):
		d.fail(attributeWanted, b.TypeRange, "%s is an attribute. Write %s = … with an equals sign.", b.Type, b.Type)
	case slices.Contains(s.later, b.Type):
		d.later(b.TypeRange, b.Type)
	default:
		d.fail(unknownBlock, b.TypeRange, "There is no block %q in %s.%s", b.Type, place, d.hint(body, b.Type, s))
	}
	return inner, ok
}

// later reports what the language knows and this version does not act on.
func (d *decoder) later(at hcl.Range, name string) {
	d.fail(notYet, at, "%q is known to the language, but this version of picket does not act on it. Leave it out.", name)
}

// hint is the nearest name that may stand in a body, else the place where the name is known.
func (d *decoder) hint(body *hclsyntax.Body, name string, s shape) string {
	known := slices.Concat(s.attributes, slices.Sorted(maps.Keys(s.blocks)), s.later)
	if near := nearest(name, known); near != "" {
		d.meant[meaning{body, near}] = true
		return suggest(name, known)
	}
	if home := language().home("", name); home != "" {
		return fmt.Sprintf(" It belongs into %s.", home)
	}
	return fmt.Sprintf(" Known here are %s.", list(slices.Sorted(slices.Values(known))))
}

// home is the block in which a name is known, "" when nowhere.
func (s shape) home(kind, name string) string {
	_, block := s.blocks[name]
	if block || slices.Contains(s.attributes, name) || slices.Contains(s.later, name) {
		if kind == "" {
			return "the top level"
		}
		return called(kind)
	}
	for _, inner := range slices.Sorted(maps.Keys(s.blocks)) {
		if home := s.blocks[inner].home(inner, name); home != "" {
			return home
		}
	}
	return ""
}

// called is a kind of block with its article.
func called(kind string) string {
	if slices.Contains([]byte("aeiou"), kind[0]) {
		return "an " + kind + " block"
	}
	return "a " + kind + " block"
}

func (d *decoder) labels(b *hclsyntax.Block, s shape) {
	switch {
	case s.label == "" && len(b.Labels) > 0:
		d.fail(wrongLabels, b.LabelRanges[0], "A block %s has no label. Write %s { … }.", b.Type, b.Type)
	case s.label != "" && len(b.Labels) != 1:
		at := b.TypeRange
		if len(b.Labels) > 1 {
			at = b.LabelRanges[1]
		}
		d.fail(wrongLabels, at, "A block %s has one label. Write %s %q { … }.", b.Type, b.Type, s.label)
	case s.label != "" && !s.elsewhere && !nameForm.MatchString(b.Labels[0]):
		d.fail(badName, b.LabelRanges[0], nameRule)
	}
}

// nameForm is how things are called in the language: it fits into keys, logs and metrics as it stands.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// nameRule is nameForm in words.
const nameRule = "A name begins with a letter or digit and has letters, digits, \"-\", \"_\" and \".\", at most 64 of them."

// once reports a block that may not stand beside an earlier one.
func (d *decoder) once(b *hclsyntax.Block, s shape, first map[string]hcl.Range) {
	key := b.Type
	if s.label != "" {
		if len(b.Labels) != 1 {
			return
		}
		key += " " + b.Labels[0]
	}
	earlier, twice := first[key]
	switch {
	case !twice:
		first[key] = b.DefRange()
	case s.label == "":
		d.fail(duplicateBlock, b.DefRange(), "There is %s already, at %s. Put both into one.", called(b.Type), spot(earlier))
	default:
		d.fail(duplicateName, b.LabelRanges[0], "There is a %s %q already, at %s.", b.Type, b.Labels[0], spot(earlier))
	}
}

// spot is a place as people write it: file and line.
func spot(at hcl.Range) string { return fmt.Sprintf("%s line %d", at.Filename, at.Start.Line) }
