package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// wantsColour follows https://no-color.org: on a terminal, unless NO_COLOR holds anything.
func wantsColour(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// width is how many columns a terminal has, 0 when it is not known.
func width(f *os.File) int {
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// The colours that we use (ECMA-48, SGR).
const (
	plain  = ""
	faint  = "2"
	bold   = "1"
	green  = "32"
	yellow = "33"
	red    = "31"
)

// cell is one field of a table.
type cell struct{ text, colour string }

// text is a cell without colour.
func text(s string) cell { return cell{s, plain} }

// table is rows under headings. Columns are as wide as their widest cell.
type table struct {
	headings []string
	rows     [][]cell
}

func (t *table) add(row ...cell) { t.rows = append(t.rows, row) }

// print writes the table. What is printed holds no control characters, whoever it came from.
func (t *table) print(w io.Writer, colour bool) {
	head := make([]cell, len(t.headings))
	for i, h := range t.headings {
		head[i] = cell{h, faint}
	}
	rows := append([][]cell{head}, t.rows...)
	widths := make([]int, len(t.headings))
	for _, row := range rows {
		for i := range row {
			row[i].text = printable(row[i].text)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	for _, row := range rows {
		fmt.Fprintln(w, line(row, widths, colour))
	}
}

func line(row []cell, widths []int, colour bool) string {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(paint(c, colour))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// paint is the text of a cell in its colour, where colours are wanted.
func paint(c cell, colour bool) string {
	if !colour || c.colour == plain || c.text == "" {
		return c.text
	}
	return "\x1b[" + c.colour + "m" + c.text + "\x1b[0m"
}

// printable replaces what could steer a terminal: control characters, and those that reorder text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// orDash is s, or a dash where there is nothing.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// clock is an instant in local time, to the second.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// printJSON writes v as a program wants it.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// compact is JSON in one line.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return string(value)
	}
	return b.String()
}

// maxShown is how many characters of a value a table shows.
const maxShown = 80

// shortened leaves out the end of a long text.
func shortened(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown]) + "…"
}
