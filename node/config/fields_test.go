package config_test

import (
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"picket/node/config"
)

// TestEveryFieldIsReadFromSomewhere wants each field of a configuration among the values of a story: one that no setting is
// read into would leave what it stands for undone, quietly.
func TestEveryFieldIsReadFromSomewhere(t *testing.T) {
	told := map[string]bool{}
	line, index := regexp.MustCompile(`(?m)^([A-Z][\w.\[\]]*) = `), regexp.MustCompile(`\[\d+\]`)
	for _, path := range glob(t, "testdata/good/*.txtar") {
		for _, file := range txtar.Parse(read(t, path)).Files {
			if file.Name != "values" {
				continue
			}
			for _, match := range line.FindAllStringSubmatch(string(file.Data), -1) {
				told[index.ReplaceAllString(match[1], "")] = true
			}
		}
	}
	for _, field := range fields("", reflect.TypeFor[config.Config]()) {
		if !told[field] && !slices.Contains(unseen, field) {
			t.Errorf("no story has a value of %s: is any setting read into it?", field)
		}
	}
}

// unseen are fields that no story shows, and why.
var unseen = []string{
	"Identities.InsecureHTTP", // is warned of, as is the next, and what is good has no warnings
	"Routes.Upstream.TLS.SkipVerify",
	"Digest",                  // of the text, which changes with every word
	"Routes.Session.SameSite", // the cluster's holds for all
}

// fields are the paths of all fields below a type that the stories write one by one.
func fields(path string, of reflect.Type) []string {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of.PkgPath() != reflect.TypeFor[config.Config]().PkgPath() || of == reflect.TypeFor[config.Origin]() {
		return []string{path}
	}
	var all []string
	for i := range of.NumField() {
		name := of.Field(i).Name
		if path != "" {
			name = path + "." + name
		}
		all = append(all, fields(name, of.Field(i).Type)...)
	}
	return all
}
