package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/cmd/reauth/internal/transcript"
)

type explainOptions struct {
	json, lines       bool
	url, method, sent string
}

func explainCommand(sh shell) *cobra.Command {
	var o explainOptions
	c := &cobra.Command{
		Use:   "explain [FILE | CAUSE]",
		Short: "Explain a refused request, or one cause of refusals",
		Long: `Explain why a request was refused, how sure that is, and what to do.

FILE, or standard input, holds what "curl -i" or "curl -v" printed, a response as it
crossed the wire, or with --lines one exchange in JSON on each line. Of a response
alone nobody can tell what was sent: say it with --url and --sent, or use "curl -v".
What the request carried is never shown.

A line of --lines is an object, of which anything but response.status may be missing:
  {"id": …, "request": {"method", "url", "scheme_sent", "header_name", "credential_shape",
  "credential_expiry", "is_jwt"}, "response": {"status", "headers": {…}, "body"}}
scheme_sent is bearer, basic, digest, dpop, apikey-header, apikey-query, other or none;
credential_shape all that was in the header or parameter, or something made like it;
credential_expiry past, future or unknown.

CAUSE is a code such as access_expired: its page says what it means, what proves it
and what to do.`,
		Example: `  curl -sv https://api.acme.example/v1/me -H "Authorization: Bearer $ACME_API_KEY" 2>&1 | reauth explain
  curl -i https://api.acme.example/v1/me -H "Authorization: Bearer $ACME_API_KEY" >refusal.txt
  reauth explain --url https://api.acme.example/v1/me --sent 'Authorization: Bearer $ACME_API_KEY' refusal.txt
  reauth explain --json --lines exchanges.jsonl
  reauth explain access_expired`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, cause := range auth.Causes() {
				codes = append(codes, string(cause)+"\t"+cause.Meaning())
			}
			return codes, cobra.ShellCompDirectiveDefault
		},
		RunE: func(_ *cobra.Command, args []string) error { return explain(sh, o, args) },
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "print the diagnosis as one JSON object (with --lines: one on each line)")
	f.BoolVar(&o.lines, "lines", false, "read one exchange in JSON from each line")
	f.StringVar(&o.url, "url", "", "the `URL` that was called, where the input does not say it")
	f.StringVar(&o.method, "method", "", "the request's `METHOD`, where the input does not say it")
	f.StringVar(&o.sent, "sent", "", "what the request carried, where the input does not say it, with a variable in place of the secret:\n"+
		"'Authorization: Bearer $NAME', 'X-Api-Key: $NAME', 'Authorization: Basic user:$NAME', 'parameter=$NAME' or nothing (`SPEC`)")
	return c
}

func explain(sh shell, o explainOptions, args []string) error {
	if len(args) == 1 && !o.lines {
		if cause := auth.Cause(args[0]); slices.Contains(auth.Causes(), cause) {
			return explainCause(sh, o, cause)
		}
	}
	if o.lines && (o.url != "" || o.method != "" || o.sent != "") {
		return errors.New("--url, --method and --sent go with one exchange; in lines each says its own")
	}
	in, err := sh.input(args)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %s, and no cause of that name%s", printable(args[0]), nearest(args[0]))
	}
	if err != nil {
		return err
	}
	defer in.Close()
	if o.lines {
		return explainLines(sh, o, in)
	}
	x, refusals, err := transcript.Read(in)
	if err != nil {
		return fmt.Errorf("%s: %w", nameOf(args), err)
	}
	known := x.Known()
	if x.URL == "" && o.url != "" {
		x.Called(o.url)
	}
	if x.Method == "" {
		x.Method = strings.ToUpper(o.method)
	}
	if o.sent != "" {
		if known {
			return errors.New("--sent: the input says what was sent")
		}
		if err := x.Sent(o.sent, sh.lookup); err != nil {
			return fmt.Errorf("--sent: %w", err)
		}
	}
	if !x.Refused(sh.now()) {
		text := unrefused(x)
		if refusals > 0 {
			text += "; a refusal came before it, and was not the last word"
		}
		return fmt.Errorf("%s: %s", nameOf(args), text)
	}
	if !o.json {
		sh.hints(x)
	}
	if refusals > 0 {
		fmt.Fprintf(sh.err, "reauth: this is the last of %d refusals in the input\n", refusals+1)
	}
	return sh.diagnosis(o, x)
}

// hints tells what the input does not say.
func (sh shell) hints(x *transcript.Exchange) {
	switch {
	case x.Unseen:
		fmt.Fprintln(sh.err, `reauth: no header or parameter of the request held a credential, and its body is not in the input: --sent says what was sent`)
	case !x.Known():
		flags := "--sent"
		if x.URL == "" {
			flags = "--url and --sent"
		}
		fmt.Fprintf(sh.err, "reauth: this is the response alone; what was sent tells more: say it with %s, or use \"curl -v\"\n", flags)
	}
	if n, err := strconv.Atoi(x.Header.Get("Content-Length")); err == nil && n > 0 && len(x.Body) == 0 && x.Method != "HEAD" {
		fmt.Fprintf(sh.err, "reauth: the body of the response, %d bytes, is not in the input; it may say more\n", n)
	}
}

// explainLines explains one exchange after the other. One that cannot be
// explained is named in its place, and the others are explained all the same.
func explainLines(sh shell, o explainOptions, in io.Reader) error {
	var failed error
	n := 0
	for x, err := range transcript.Lines(in) {
		n++
		if err == nil && !x.Refused(sh.now()) {
			err = errors.New(unrefused(x))
		}
		if err != nil {
			failed = reported{}
			fmt.Fprintf(sh.err, "reauth: %s%v\n", named(x.ID), err)
			if o.json {
				if err := sh.document(struct {
					ID    string `json:"id"`
					Error string `json:"error"`
				}{x.ID, err.Error()}); err != nil {
					return err
				}
			}
			continue
		}
		if n > 1 && !o.json {
			fmt.Fprintln(sh.out)
		}
		if err := sh.diagnosis(o, x); err != nil {
			return err
		}
	}
	if n == 0 {
		return transcript.ErrEmpty
	}
	return failed
}

// A diagnosis is what tests and programs outside read.
type diagnosis struct {
	ID         string           `json:"id"`
	Cause      auth.Cause       `json:"cause"`
	Step       auth.Step        `json:"step"`
	Confidence auth.Confidence  `json:"confidence"`
	Fixer      auth.Fixer       `json:"fixer"`
	Evidence   []auth.Evidence  `json:"evidence"`
	Others     []auth.Other     `json:"others"`
	Challenges []auth.Challenge `json:"challenges"`
	Remedy     auth.Remedy      `json:"remedy"`
}

func (sh shell) diagnosis(o explainOptions, x *transcript.Exchange) error {
	e := x.Diagnose(sh.now())
	if !o.json {
		head := ""
		if x.ID != "" {
			head = named(x.ID) + "\n"
		}
		_, err := io.WriteString(sh.out, head+sh.page(e.Explain()))
		return err
	}
	return sh.document(diagnosis{
		ID: x.ID, Cause: e.Cause, Step: e.Step(), Confidence: e.Confidence, Fixer: e.Fixer, Evidence: e.Evidence,
		Others: list(e.Others), Challenges: list(e.Response.Challenges), Remedy: e.Remedy,
	})
}

// list returns a list that JSON writes as one even if it is empty.
func list[T any](all []T) []T { return append([]T{}, all...) }

// document prints one JSON document on one line.
func (sh shell) document(v any) error {
	enc := json.NewEncoder(sh.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func explainCause(sh shell, o explainOptions, c auth.Cause) error {
	if !o.json {
		_, err := io.WriteString(sh.out, sh.page(c.Explain()))
		return err
	}
	return sh.document(struct {
		Cause   auth.Cause  `json:"cause"`
		Step    auth.Step   `json:"step"`
		Fixer   auth.Fixer  `json:"fixer"`
		Meaning string      `json:"meaning"`
		Proof   string      `json:"proof"`
		Remedy  auth.Remedy `json:"remedy"`
	}{c, c.Step(), c.Fixer(), c.Meaning(), c.Proof(), auth.Remedy{Text: c.Remedy()}})
}

// unrefused says of a response that it is no refusal, and what may be meant.
func unrefused(x *transcript.Exchange) string {
	text := "the response is " + x.Line() + ", which is no refusal"
	switch {
	case x.Status/100 == 3:
		text += `: it sends on to another address ("curl -L" follows it)`
	case x.Status/100 == 2 && x.URL == "":
		text += "; some APIs refuse with such a status: the URL says which one it was"
	case x.Status >= 500:
		text += ": the other side has a failure of its own"
	}
	return text
}

func nameOf(args []string) string {
	if len(args) == 0 || args[0] == "-" {
		return "standard input"
	}
	return printable(args[0])
}

func named(id string) string {
	if id == "" {
		return ""
	}
	return printable(id) + ": "
}

// nearest names the cause whose code looks most like what was asked for.
func nearest(word string) string {
	best, least := auth.Cause(""), len(word)/2+1
	for _, c := range auth.Causes() {
		if d := distance(strings.ToLower(word), string(c)); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return "; the page of a cause is asked for by its code, such as access_expired"
	}
	return "; did you mean " + string(best) + "?"
}

// distance is how many letters have to be changed, added or taken out.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
