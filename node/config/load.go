package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// source is one file of a configuration.
type source struct {
	name string // as people would open it
	text []byte
}

// Load reads a configuration, a file or a folder of *.hcl files, and checks it whole. The Config is nil when it cannot
// be run; the Problems are nil when there is nothing to say, and may be warnings alone.
func Load(path string) (*Config, *Problems) {
	r := Read(path)
	return r.Config, r.Problems
}

// Files are the files of a configuration: path itself, or the *.hcl in it by name when it is a folder. Hidden files are
// left out. A folder without any is an error that wraps fs.ErrNotExist.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("finding configuration: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("reading folder: %w", err)
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".hcl" && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.hcl file in %s: %w", path, fs.ErrNotExist)
	}
	return files, nil
}

// Format is a configuration file in the one layout that `picket fmt` writes.
func Format(src []byte) []byte { return hclwrite.Format(src) }

func read(path string) ([]source, error) {
	files, err := Files(path)
	if err != nil {
		return nil, err
	}
	var sources []source
	for _, file := range files {
		text, err := readRegular(file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		sources = append(sources, source{file, text})
	}
	return sources, nil
}

// unreadable is the one problem of a path that holds no configuration.
func unreadable(path string, err error) *Problems {
	why := reason(err)
	if errors.Is(err, fs.ErrNotExist) {
		why = "there is no such file, nor a folder with *.hcl files"
	}
	at := hcl.Range{Filename: path, Start: hcl.InitialPos, End: hcl.InitialPos}
	return &Problems{diags: hcl.Diagnostics{diagnostic(hcl.DiagError, notFound, at, sentence(errors.New(why)))}}
}

// parse reads the sources as one configuration; file() is relative to dir.
func parse(sources []source, dir string) Reading {
	d := &decoder{
		meant:  map[meaning]bool{},
		start:  hcl.Range{Filename: sources[0].name, Start: hcl.InitialPos, End: hcl.InitialPos},
		files:  map[string]*hcl.File{},
		looked: prints{},
	}
	d.context = &hcl.EvalContext{Functions: functions(func(path string) (string, error) { return d.looked.read(dir, path) })}
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for _, s := range sources {
		file, diags := ParseFile(s.text, s.name)
		d.take(diags)
		d.partial = d.partial || diags.HasErrors()
		d.files[s.name] = file
		d.looked[s.name] = printOf(s.text, nil)
		part := file.Body.(*hclsyntax.Body)
		body.Blocks = append(body.Blocks, part.Blocks...)
		for name, attribute := range part.Attributes {
			body.Attributes[s.name+" "+name] = attribute
		}
	}
	d.unparsed = len(d.diags)
	d.vocabulary("the top level", body, language())
	top := block{decoder: d, at: d.start, body: body}
	config := top.whole()
	config.Digest = digest(sources)
	r := Reading{Problems: d.problems(), Files: d.looked.names(), Print: d.looked.whole(), top: top}
	if !r.Problems.Failed() {
		r.Config = config
	}
	return r
}

// digest is one for all nodes that have the same files, wherever they keep them.
func digest(sources []source) string {
	sorted := slices.SortedFunc(slices.Values(sources), func(a, b source) int {
		return strings.Compare(filepath.Base(a.name), filepath.Base(b.name))
	})
	h := sha256.New()
	for _, s := range sorted {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s.text))))
		h.Write(s.text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
