package config

import (
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// bucketForm is what the name of a bucket may be: those have no dot.
var bucketForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// data reads the data blocks: facts that others publish, which policies know as data.NAME.
func (b block) data() []Data {
	var all []Data
	owners := map[string]block{}
	for _, d := range b.children("data") {
		if nameForm.MatchString(d.name) && !hclsyntax.ValidIdentifier(d.name) {
			d.fail(badName, d.at, "Policies call it data.NAME, which has letters, digits, \"-\" and \"_\", with a letter first.")
			continue
		}
		one := Data{Name: d.name, Bucket: d.bucket()}
		if other, twice := owners[one.Bucket]; twice && one.Bucket != "" {
			d.fail(bucketTwice, d.place("bucket"), "%s has the bucket %q already, at %s. One block is enough.", other, one.Bucket, spot(other.at))
			continue
		}
		owners[one.Bucket] = d
		all = append(all, one)
	}
	return all
}

// bucket is the name of the bucket behind a data block; the block's own when it does not say.
func (b block) bucket() string {
	if !b.has("bucket") {
		return b.name
	}
	w, ok := b.required("bucket", "where the facts are")
	if ok && !bucketForm.MatchString(w.text) {
		b.fail(badName, w.at, "A bucket has letters, digits, \"-\" and \"_\" in its name, with a letter or digit first, at most 64.")
		return ""
	}
	return w.text
}

func dataNames(all []Data) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

// blocks are the blocks of a kind whose inside is the matter of package policy.
func (b block) blocks(kind string) hcl.Blocks {
	var all hcl.Blocks
	for _, inner := range b.body.Blocks {
		if inner.Type == kind && len(inner.Labels) == 1 {
			all = append(all, inner.AsHCLBlock())
		}
	}
	return all
}
