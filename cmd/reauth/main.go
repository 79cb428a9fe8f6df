// Reauth says why a request was refused, and what to do about it.
//
//	curl -i https://api.acme.example/v1/me | reauth explain
//	curl -sv https://api.acme.example/v1/me 2>&1 | reauth explain
//	reauth explain access_expired
//
// It exits with 0 on success, 1 on an authentication failure of its own and 2 on
// wrong usage. A refusal that was explained is a success. With --json, standard
// output is one JSON document, or one on each line for a stream, and nothing else.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// exitUsage is for wrong usage, and for input that cannot be used. 1 is for
// authentication failures of our own, which no command has yet.
const exitUsage = 2

func main() {
	os.Exit(run(os.Args[1:], system()))
}

// A shell is what surrounds the program.
type shell struct {
	in       io.Reader
	out, err io.Writer
	lookup   func(string) (string, bool) // a variable of the environment
	now      func() time.Time
	color    bool // out shows colours
	asks     bool // in is a terminal, where somebody waits
}

func system() shell {
	return shell{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, lookup: os.LookupEnv, now: time.Now,
		color: colored(term.IsTerminal(int(os.Stdout.Fd())), os.LookupEnv),
		asks:  term.IsTerminal(int(os.Stdin.Fd())),
	}
}

// run is the program, but for its end.
func run(args []string, sh shell) int {
	root := &cobra.Command{
		Use:   "reauth",
		Short: "Says why a request was refused, and what to do about it",
		Long: `Says why a request was refused, and what to do about it.

Exits with 0 on success, which is an explanation, and with 2 on wrong usage or input
that holds nothing to explain.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("reauth {{.Version}}\n")
	root.SetArgs(args)
	root.SetIn(sh.in)
	root.SetOut(sh.out)
	root.SetErr(sh.err)
	root.AddCommand(explainCommand(sh), challengeCommand(sh))
	c, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	var said reported
	if !errors.As(err, &said) {
		fmt.Fprintf(sh.err, "reauth: %v\n", err)
		fmt.Fprintf(sh.err, "%q shows how it is used\n", c.CommandPath()+" --help")
	}
	return exitUsage
}

// reported is an error of which everything has been said.
type reported struct{}

func (reported) Error() string { return "reported" }

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// input opens the named file, or standard input for none or "-".
func (sh shell) input(args []string) (io.ReadCloser, error) {
	if len(args) > 0 && args[0] != "-" {
		return os.Open(args[0])
	}
	if sh.asks {
		fmt.Fprintln(sh.err, "reading from the terminal; Ctrl-D ends it (on Windows Ctrl-Z and Enter)")
	}
	return io.NopCloser(sh.in), nil
}
