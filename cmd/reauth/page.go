package main

import (
	"regexp"
	"runtime"
	"strings"
)

// colored reports whether a page may have colours: on a terminal, unless
// NO_COLOR is set to anything (https://no-color.org) or the terminal is a dumb
// one. Windows' old console shows the codes themselves: there the terminal must
// have said that it is another one.
func colored(terminal bool, lookup func(string) (string, bool)) bool {
	is := func(name string) bool { v, ok := lookup(name); return ok && v != "" }
	if kind, _ := lookup("TERM"); !terminal || is("NO_COLOR") || kind == "dumb" {
		return false
	}
	return runtime.GOOS != "windows" || is("WT_SESSION") || is("TERM")
}

const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	plain = "\x1b[0m"
)

var label = regexp.MustCompile(`(?m)^  ([a-z]+)( +)`)

// page returns a page of [auth.Error.Explain] or [auth.Cause.Explain] as it is
// shown: its first line and the fix stand out, and labels stand back. The codes
// come from here alone: what a server sent has lost its control characters.
func (sh shell) page(text string) string {
	if !sh.color {
		return text
	}
	head, rest, _ := strings.Cut(text, "\n")
	rest = label.ReplaceAllStringFunc(rest, func(l string) string {
		if strings.HasPrefix(l, "  fix ") {
			return bold + l + plain
		}
		return faint + l + plain
	})
	return bold + head + plain + "\n" + rest
}
