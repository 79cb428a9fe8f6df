package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/cmd/reauth/internal/transcript"
	"github.com/reauth-go/reauth/internal/challenge"
)

func challengeCommand(sh shell) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "challenge [FILE]",
		Short: "Take a WWW-Authenticate field apart",
		Long: `Read the values of the WWW-Authenticate fields of one response from FILE or standard
input, in order, one on each line, and print the challenges that they hold (RFC 9110
section 11.6.1). The field's name in front of a value may stay there, and so may the
rest of the response. What a line that breaks the grammar seems to say is printed, and
the break told on standard error.`,
		Example: `  curl -sI https://api.acme.example | reauth challenge
  reauth challenge --json <<<'Bearer realm="acme", error="invalid_token"'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			in, err := sh.input(args)
			if err != nil {
				return err
			}
			defer in.Close()
			return readChallenges(sh, asJSON, in)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return c
}

// fieldName matches the name of the field, where somebody copied that as well.
var fieldName = regexp.MustCompile(`(?i)^(?:www|proxy)-authenticate:[ \t]*`)

// response matches input that is a whole response: no challenge begins so.
var response = regexp.MustCompile(`(?m)^(?:< )?HTTP/`)

func readChallenges(sh shell, asJSON bool, in io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return err
	}
	if len(raw) > limit {
		return fmt.Errorf("more than %d KiB", limit>>10)
	}
	var values []string
	if x, _, err := transcript.Read(bytes.NewReader(raw)); err == nil && response.Match(raw) {
		values = x.Challenges()
	} else {
		values = valuesOf(string(raw))
	}
	found, broken := challenge.Parse(values)
	if asJSON {
		err = sh.document(list(found))
	} else {
		err = printChallenges(sh.out, found)
	}
	if err != nil || broken == nil {
		return err
	}
	if len(found) == 0 {
		return broken
	}
	fmt.Fprintf(sh.err, "reauth: %v; what is printed is what it seems to say\n", broken)
	return nil
}

// limit bounds the input: four times what is read of one field.
const limit = 4 * challenge.MaxBytes

// valuesOf returns the field values of an input that has one on each line.
func valuesOf(text string) []string {
	var values []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if n := len(values); n > 0 && strings.TrimLeft(line, " \t") != line { // folded, RFC 9112 section 5.2
			if len(values[n-1]) <= challenge.MaxBytes { // more is not read
				values[n-1] += " " + strings.TrimLeft(line, " \t")
			}
			continue
		}
		values = append(values, fieldName.ReplaceAllString(line, ""))
	}
	return values
}

func printChallenges(w io.Writer, all []auth.Challenge) error {
	out := bufio.NewWriter(w)
	for _, c := range all {
		fmt.Fprintln(out, printable(c.Scheme))
		if c.Token68 != "" {
			fmt.Fprintf(out, "  %s\n", printable(c.Token68))
		}
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			fmt.Fprintf(out, "  %s = %s\n", printable(name), strconv.Quote(c.Params[name]))
		}
	}
	return out.Flush()
}

// printable keeps what a server sent from steering a terminal.
func printable(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}
