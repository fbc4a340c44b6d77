package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
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
		fmt.Fprintf(b, "  %s\n", visible(line))
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
		return ", in " + visible(in)
	}
	return ""
}

// widest is how many bytes of a line are shown.
const widest = 400

// source shows the line that a range begins on, with carets below; of a long one what stands around.
func (s snippets) source(b *strings.Builder, at hcl.Range, paint string) {
	file := s.files[at.Filename]
	if file == nil || at.Start.Byte > len(file.Bytes) {
		return
	}
	begin, end := lineAround(file.Bytes, at.Start.Byte)
	line, cut := s.masked(file.Bytes, at.Filename, begin, end), ""
	if begin > 0 && file.Bytes[begin-1] != '\n' {
		cut = "…"
	}
	if strings.TrimSpace(line) == "" {
		return
	}
	from, to := at.Start.Byte-begin, max(at.Start.Byte+1, min(at.End.Byte, end))-begin
	before, meant := line[:min(from, len(line))], line[min(from, len(line)):min(to, len(line))]
	if end < len(file.Bytes) && file.Bytes[end] != '\n' {
		line += "…"
	}
	margin := fmt.Sprintf("%4d", at.Start.Line)
	fmt.Fprintf(b, "  %s | %s\n", margin, visible(cut+line))
	fmt.Fprintf(b, "  %s | %s%s\n", strings.Repeat(" ", len(margin)), indent(cut+before),
		s.paint(paint, strings.Repeat("^", max(1, utf8.RuneCountInString(meant)))))
}

// lineAround is where the line that a place is on begins and ends; of a long one, what is shown.
func lineAround(src []byte, at int) (begin, end int) {
	begin, end = bytes.LastIndexByte(src[:at], '\n')+1, len(src)
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		end = at + i
	}
	if end > begin && src[end-1] == '\r' && end > at {
		end--
	}
	if end-begin <= widest {
		return begin, end
	}
	for begin = max(begin, at-widest/4); begin < at && !utf8.RuneStart(src[begin]); begin++ {
	}
	if end-begin > widest {
		for end = begin + widest; end > at && !utf8.RuneStart(src[end]); end-- {
		}
	}
	return begin, end
}

// visible is a text as a terminal may have it: what would move its cursor, or colour it, is not obeyed.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, s)
}

// masked is a part of a file with its secrets as dots, byte for byte as long as before.
func (s snippets) masked(src []byte, name string, begin, end int) string {
	part := bytes.Clone(src[begin:end])
	for _, secret := range s.hidden {
		if secret.Filename != name {
			continue
		}
		for i := max(begin, secret.Start.Byte); i < min(secret.End.Byte, end); i++ {
			if src[i] != '"' {
				part[i-begin] = '.'
			}
		}
	}
	return string(part)
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
