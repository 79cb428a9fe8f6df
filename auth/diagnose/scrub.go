package diagnose

import (
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/scrub"
)

const masked = scrub.Masked

// Scrub masks every form in which a server could echo the credential: as it is,
// in any common encoding, or as a Basic pair. Eight characters in a row are
// enough to be masked, because servers quote values cut off, and so do we at
// the end of what was read.
func Scrub(text string, credentials ...*auth.Credential) string {
	return newScrubber(credentials...).text(text)
}

type scrubber struct{ known *scrub.Scrubber }

func newScrubber(credentials ...*auth.Credential) *scrubber {
	var values []scrub.Value
	for _, c := range credentials {
		if c != nil && !c.Secret.IsZero() {
			values = append(values, scrub.Value{Secret: c.Secret.Reveal(), User: c.Username})
		}
	}
	return &scrubber{scrub.New(values...)}
}

// text returns t with every trace of the credentials masked.
func (s *scrubber) text(t string) string { return s.known.Text(t) }

// err returns err as it is, or one that shows no credential in its place.
func (s *scrubber) err(err error) error { return scrub.Error(err, s.text) }
