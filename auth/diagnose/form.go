package diagnose

import (
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// form says how the value was made, for who wants to make it again by hand: by
// having the scheme make one of the words USER and SECRET. What is computed from
// the secret has no form, nor has what a transcript does not show.
func (f *facts) form() (form string) {
	switch {
	case f.x.undecoded:
		return ""
	case (f.scheme == "Basic" || f.scheme == "Digest") && f.cred.Username == "" && !f.elsewhere():
		return "SECRET" // the pair
	case f.scheme == "Basic", f.scheme == "Digest":
		return "USER:SECRET"
	case f.elsewhere():
		return f.recordedForm()
	}
	defer func() {
		if recover() != nil { // a scheme of somebody's own
			form = ""
		}
	}()
	value, err := f.x.Scheme.Value(&auth.Credential{Secret: auth.NewSecret("SECRET"), Username: "USER"})
	before, whole := strings.CutSuffix(value, "SECRET")
	if err != nil || !whole || before != "" && !strings.HasPrefix(before, f.scheme+" ") {
		return ""
	}
	return value
}

// recordedForm is the form of what was recorded elsewhere, if its scheme is one
// that sends the secret as it is.
func (f *facts) recordedForm() string {
	switch {
	case f.place.Header == inBody, f.place.Header == inPath:
	case f.scheme == "ApiKey":
		return "SECRET"
	case f.place.Header == "Authorization" && (f.scheme == "Bearer" || len(f.x.parts) == 0 && strings.EqualFold(f.scheme, auth.Token.Name())):
		return f.scheme + " SECRET"
	}
	return ""
}
