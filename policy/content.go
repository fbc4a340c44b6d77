package policy

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// content is what stands in a body by its schema; place is how messages call the body. whole is false when there is something
// else, too, or something is missing, which is reported.
func (l *loader) content(place string, body hcl.Body, schema *hcl.BodySchema) (content *hcl.BodyContent, whole bool) {
	content, diags := body.Content(schema)
	for _, d := range diags {
		nameInside(d, place, schema)
	}
	l.diags = append(l.diags, diags...)
	return content, !diags.HasErrors()
}

// nameInside says of a name that may not stand in a body which may, unless one is said to be near.
func nameInside(d *hcl.Diagnostic, place string, schema *hcl.BodySchema) {
	switch d.Summary {
	case "Unsupported argument":
		d.Summary = unknownAttribute
	case "Unsupported block type":
		d.Summary = unknownBlock
	default:
		return
	}
	if strings.Contains(d.Detail, "Did you mean") {
		return
	}
	var known []string
	for _, a := range schema.Attributes {
		known = append(known, a.Name)
	}
	for _, b := range schema.Blocks {
		known = append(known, b.Type)
	}
	slices.Sort(known)
	d.Detail += " Known in " + place + " are " + enumerate(known) + "."
	if len(known) == 1 {
		d.Detail = strings.Replace(d.Detail, " are ", " is ", 1)
	}
}

// article is a kind of block with its article.
func article(kind string) string {
	if strings.Contains("aeiou", kind[:1]) {
		return "an " + kind
	}
	return "a " + kind
}
