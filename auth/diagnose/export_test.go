package diagnose

import "github.com/reauth-go/reauth/auth"

// Advise returns what is said about a cause where the rule that found it has no
// words of its own, and as if it had been found in x.
func Advise(c auth.Cause, x Exchange, words Words) auth.Remedy {
	return gather(x, words).remedy(&finding{cause: c})
}
