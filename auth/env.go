package auth

import (
	"context"
	"os"
	"slices"
	"strings"
)

// Env returns a source that reads environment variables, each time it is asked.
// For each name in order it looks at
//
//   - NAME, whose value is the credential;
//   - NAME_FILE, which names a file that holds the credential, as containers
//     mount secrets.
//
// The first that is set and not blank wins. A blank variable counts as not set,
// and the error says so. Surrounding white space is removed. A file that
// NAME_FILE names and that cannot be read is an error that stops a chain:
// whoever set the variable wanted that file and no other credential.
//
// Blank names are left out. A variable cannot change while the program runs
// unless the program changes it, so the expiry that a token states is left for
// the API to judge; that of a file is not.
func Env(names ...string) Source {
	return &env{slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })}
}

type env struct{ names []string }

func (e *env) Credential(ctx context.Context) (*Credential, error) {
	var tried []Attempt
	var blank, unset []string
	if len(e.names) == 0 {
		return nil, absent(MissingCredential, Provenance{Kind: KindEnv}, "no variable named", "the program names no variable to look at", Remedy{Text: "give Env the name of a variable"})
	}
	for _, name := range e.names {
		place := Provenance{Kind: KindEnv, Name: name}
		value, set := os.LookupEnv(name)
		if value = clean(value); value != "" {
			tried = append(tried, Attempt{Place: place, Answer: "found"})
			return &Credential{Secret: NewSecret(value), Provenance: place, Tried: tried}, nil
		}
		if set {
			tried = append(tried, Attempt{Place: place, Answer: "set, but blank", Err: EmptyCredential})
			blank = append(blank, name)
		} else {
			tried = append(tried, Attempt{Place: place, Answer: "not set", Err: MissingCredential})
			unset = append(unset, name)
		}
		if path := clean(os.Getenv(name + "_FILE")); path != "" {
			f := &file{path: path, namedBy: name + "_FILE"}
			c, err := f.Credential(ctx)
			return inChain(c, err, tried)
		}
	}
	remedy := Remedy{Text: "set " + strings.Join(e.names, " or ")}
	if len(blank) > 0 {
		err := absent(EmptyCredential, Provenance{Kind: KindEnv, Name: blank[0]}, "", strings.Join(blank, " and ")+are(blank)+" set, but blank", remedy)
		err.Tried = tried
		return nil, err
	}
	err := absent(MissingCredential, Provenance{Kind: KindEnv, Name: strings.Join(e.names, ", ")}, "", strings.Join(unset, " and ")+are(unset)+" not set", remedy)
	err.Tried = tried
	return nil, err
}

func are(names []string) string {
	if len(names) == 1 {
		return " is"
	}
	return " are"
}
