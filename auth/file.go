package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// fileRecheck is how long a value from a file is used before the file is read
// again. With the jitter of the cache it stays below 30 s.
const fileRecheck = 25 * time.Second

// fileLimit is the largest file that is taken for a credential.
const fileLimit = 64 << 10

// File returns a source that reads a file, such as a mounted secret. In a
// [Cache] it is read again within 30 seconds of a change while it is in use,
// and when the credential is refused; symlinks are followed anew each time. If
// the file cannot be read then, what was read before stays in use.
//
// Surrounding white space and a byte order mark are removed. If the content is
// a JSON Web Token, its exp claim is the credential's expiry. Only regular
// files of up to 64 KiB are read. Their mode is not looked at: mounted secrets
// are often readable by all within their container.
func File(path string) Source { return &file{path: path} }

type file struct {
	path    string
	namedBy string // the variable that names the file, if one does
}

func (f *file) place() Provenance {
	name := f.path
	if f.namedBy != "" {
		name += " (" + f.namedBy + ")"
	}
	return Provenance{Kind: KindFile, Name: name}
}

// Passive says that looking has no consequences.
func (f *file) Passive() bool { return true }

func (f *file) Credential(ctx context.Context) (*Credential, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	place := f.place()
	content, err := readMounted(f.path)
	if err != nil {
		return nil, f.failed(err)
	}
	value := NewSecret(clean(string(content)))
	if value.IsZero() {
		return nil, absent(EmptyCredential, place, "empty", f.path+" is empty", Remedy{Text: f.orCorrect("write the credential into " + f.path)})
	}
	return &Credential{
		Secret: value, Expiry: StatedExpiry(value), Provenance: place, recheck: fileRecheck,
		Tried: []Attempt{{Place: place, Answer: "found"}},
	}, nil
}

var errNotRegular = errors.New("not a regular file")
var errTooLarge = errors.New("larger than 64 KiB")

// readMounted looks for a file again that is not there. Kubernetes swaps the link
// on the way to a mounted file and removes what it led to: who is following it
// at that moment finds nothing.
func readMounted(path string) (content []byte, err error) {
	for range 3 {
		if content, err = readRegular(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return content, err
}

// readRegular never opens anything that could block, such as a named pipe.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(content) > fileLimit {
		err = errTooLarge
	}
	return content, err
}

// orCorrect adds the other way to mend a file that a variable names.
func (f *file) orCorrect(remedy string) string {
	if f.namedBy != "" {
		remedy += ", or correct " + f.namedBy
	}
	return remedy
}

// mayBeTheKey reports whether what a variable gives as the path of a file that
// is not there could be the credential itself, put into the wrong variable. An
// absolute path below a directory that exists is no key.
func (f *file) mayBeTheKey() bool {
	dir := filepath.Dir(f.path)
	info, err := os.Stat(dir)
	return f.namedBy != "" && (!filepath.IsAbs(f.path) || dir == filepath.Dir(dir) || err != nil || !info.IsDir())
}

func (f *file) failed(err error) *Error {
	if readable := errors.Is(err, fs.ErrPermission) || errors.Is(err, errNotRegular) || errors.Is(err, errTooLarge); !readable && f.mayBeTheKey() {
		e := absent(SourceFailed, Provenance{Kind: KindEnv, Name: f.namedBy}, "names no file",
			"there is no file of the name that "+f.namedBy+" holds, which is not shown because it may be the credential itself",
			Remedy{Text: "put the path of a file into " + f.namedBy + ", or the credential itself into " + strings.TrimSuffix(f.namedBy, "_FILE")})
		if inner, ok := errors.AsType[*fs.PathError](err); ok {
			e.Err = inner.Err // without the path
		}
		return e
	}
	e := absent(SourceFailed, f.place(), "cannot be read", "the file cannot be read: "+err.Error(), Remedy{Text: "make " + f.path + " a readable file that holds the credential"})
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.namedBy == "":
		e.Cause, e.Tried[0].Answer = MissingCredential, "no such file"
	case errors.Is(err, fs.ErrNotExist):
		e.Tried[0].Answer = "no such file"
	case errors.Is(err, fs.ErrPermission):
		e.Cause, e.Tried[0].Answer = SourceDenied, "permission denied"
		e.Remedy.Text = "let this program's user read " + f.path
	case errors.Is(err, errTooLarge):
		e.Cause = SourceCorrupt
		e.Remedy.Text = "put the credential and nothing else into " + f.path
	}
	e.Remedy.Text = f.orCorrect(e.Remedy.Text)
	e.Tried[0].Err, e.Err = e.Cause, err
	return e
}

// StatedExpiry returns the exp claim of a JSON Web Token (RFC 7519 section
// 4.1.4), read without verifying anything. It is zero for any other value, and
// for a token that states none.
func StatedExpiry(s Secret) time.Time {
	_, rest, ok := strings.Cut(s.Reveal(), ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Contains(signature, ".") {
		return time.Time{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return time.Time{}
	}
	var claims struct{ Exp float64 }
	if json.Unmarshal(raw, &claims) != nil || claims.Exp <= 0 || claims.Exp > math.MaxInt32*4 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
