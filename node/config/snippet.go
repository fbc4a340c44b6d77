package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
)

// The rules of what a person reads:
//   - the first line says what is wrong, the second where, the last what to write instead;
//   - a caret stands below the first character that is meant, and goes on to the end of it or of the line;
//   - a secret is shown as dots;
//   - colour adds nothing that cannot be read without it.

// snippets writes problems for people.
type snippets struct {
	colour bool
	width  int
	files  map[string]*hcl.File
	hidden []hcl.Range
}

func (s snippets) problem(b *strings.Builder, d *hcl.Diagnostic) {
	paint := "31" // red
	if d.Severity == hcl.DiagWarning {
		paint = "33" // yellow
	}
	title := severity(d)
	fmt.Fprintf(b, "%s: %s\n", s.paint(paint+";1", strings.ToUpper(title[:1])+title[1:]), s.paint("1", d.Summary))
	fmt.Fprintf(b, "  at %s:%d:%d%s\n", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column, s.within(d))
	s.source(b, *d.Subject, paint)
	for _, line := range folded(d.Detail, s.width-2) {
		fmt.Fprintf(b, "  %s\n", line)
	}
	b.WriteString("\n")
}

// within names the block that a problem is in.
func (s snippets) within(d *hcl.Diagnostic) string {
	file := s.files[d.Subject.Filename]
	if file == nil {
		return ""
	}
	if in := hcled.ContextString(file, d.Subject.Start.Byte); in != "" {
		return ", in " + in
	}
	return ""
}

// source shows the line that a range begins on, with carets below.
func (s snippets) source(b *strings.Builder, at hcl.Range, paint string) {
	file := s.files[at.Filename]
	if file == nil || at.Start.Byte > len(file.Bytes) {
		return
	}
	begin := bytes.LastIndexByte(file.Bytes[:at.Start.Byte], '\n') + 1
	end := len(file.Bytes)
	if i := bytes.IndexByte(file.Bytes[at.Start.Byte:], '\n'); i >= 0 {
		end = at.Start.Byte + i
	}
	line := strings.TrimRight(string(s.masked(file.Bytes, at.Filename)[begin:end]), "\r")
	if strings.TrimSpace(line) == "" {
		return
	}
	margin := fmt.Sprintf("%4d", at.Start.Line)
	fmt.Fprintf(b, "  %s | %s\n", margin, line)
	from, to := at.Start.Byte-begin, max(at.Start.Byte+1, min(at.End.Byte, end))-begin
	fmt.Fprintf(b, "  %s | %s%s\n", strings.Repeat(" ", len(margin)), indent(line[:min(from, len(line))]),
		s.paint(paint, strings.Repeat("^", max(1, utf8.RuneCountInString(line[min(from, len(line)):min(to, len(line))])))))
}

// masked is a file with its secrets as dots, byte for byte as long as before.
func (s snippets) masked(src []byte, name string) []byte {
	for _, secret := range s.hidden {
		if secret.Filename != name {
			continue
		}
		src = bytes.Clone(src)
		for i := secret.Start.Byte; i < min(secret.End.Byte, len(src)); i++ {
			if src[i] != '\n' && src[i] != '"' {
				src[i] = '.'
			}
		}
	}
	return src
}

// indent is as wide as a text, with its tabs kept.
func indent(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}

// folded breaks a text into lines of at most width columns, at spaces.
func folded(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && width > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (s snippets) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
