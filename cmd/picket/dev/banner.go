package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// column is how wide the first column is: a URL and some room.
const column = 32

// banner says what there is and what to try, once everything runs.
func (d *Dev) banner() string {
	sections := []string{d.bannerOpen(), d.bannerPeople(), d.bannerNodes(), d.bannerFiles(), d.bannerTry()}
	return "\n" + strings.Join(sections, "\n") + "\n  " + d.print.paint(faint, d.farewell()) + "\n"
}

// row is one line of the banner: a heading on the first of a section, then a column of some width in a colour, then
// the rest. Paint has no width, so it comes on last.
func (d *Dev) row(heading, colour, first string, width int, rest string) string {
	padding := ""
	if rest != "" {
		padding = strings.Repeat(" ", max(2, width-len(first)))
	}
	return "  " + d.print.paint(faint, fmt.Sprintf("%-9s", heading)) + d.print.paint(colour, first) + padding + rest + "\n"
}

func (d *Dev) bannerOpen() string {
	var out strings.Builder
	heading := "open"
	for _, r := range d.configuration.Routes() {
		out.WriteString(d.row(heading, cyan, d.configuration.URL(r.Name), column, r.About))
		heading = ""
	}
	return out.String()
}

func (d *Dev) bannerPeople() string {
	var out strings.Builder
	heading := "people"
	for _, p := range People() {
		groups := "in " + strings.Join(p.Groups, ", ")
		if len(p.Groups) == 0 {
			groups = "in no group"
		}
		out.WriteString(d.row(heading, bold, p.Name, column, groups))
		heading = ""
	}
	return out.String()
}

func (d *Dev) bannerNodes() string {
	var out strings.Builder
	heading := "nodes"
	for _, n := range d.Nodes() {
		out.WriteString(d.row(heading, bold, n.Name, column, fmt.Sprintf("admin %-18s pid %d", n.Admin, n.PID)))
		heading = ""
	}
	return out.String()
}

func (d *Dev) bannerFiles() string {
	note := "kept"
	if d.folder.temporary {
		note = "removed at the end; --dir FOLDER keeps it"
	}
	return d.row("files", plain, d.folder.path, column, d.print.paint(faint, "cluster.hcl, logs, store; "+note))
}

func (d *Dev) bannerTry() string {
	nodes := d.Nodes()
	first, last := nodes[0], nodes[len(nodes)-1]
	program := shortest(d.options.Executable)
	return d.row("try", bold, "kill -9 "+strconv.Itoa(last.PID), column, "and reload: "+d.carriedOn(last.Name)) +
		d.row("", bold, program+" sessions revoke --user alice@example.com --admin "+first.Admin, 0, "") +
		d.row("", plain, "", column, "with alice's page open: the tick stops at once") +
		d.row("", bold, program+" status --admin "+first.Admin, 0, "")
}

func (d *Dev) carriedOn(name string) string {
	if d.options.Nodes == 1 {
		return name + " comes back by itself, and nobody is logged out"
	}
	return "another node carries on, and " + name + " comes back by itself"
}

func (d *Dev) farewell() string {
	if d.folder.temporary {
		return "Ctrl-C ends everything and leaves nothing behind."
	}
	return "Ctrl-C ends everything but keeps the files."
}

// shortest is how the program is called from here.
func shortest(executable string) string {
	here, err := os.Getwd()
	if err != nil {
		return executable
	}
	relative, err := filepath.Rel(here, executable)
	if err != nil || strings.HasPrefix(relative, "..") {
		return executable
	}
	return "." + string(filepath.Separator) + relative
}
