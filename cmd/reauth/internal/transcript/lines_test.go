package transcript_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/cmd/reauth/internal/transcript"
)

func TestLines(t *testing.T) {
	long := `{"id":"long","response":{"status":401,"body":"` + strings.Repeat("x", transcript.MaxBytes) + `"}}`
	input := "\ufeff" + strings.Join([]string{
		`{"id":"all","request":{"method":"GET","url":"https://api.acme.example/v1/me","scheme_sent":"bearer","header_name":"Authorization","credential_shape":"Bearer ` + key + `","credential_expiry":"past","is_jwt":false},"response":{"status":401,"headers":{"Content-Type":"application/json"},"body":"{}"}}`,
		``,
		`{"id":7,"response":{"status":401,"headers":{"WWW-Authenticate":["Basic realm=\"a\"","Bearer"],"X-None":null},"body":{"message":"Invalid API key"}}}`,
		`{"id":"unseen","request":{"scheme_sent":"bearer","header_name":"Authorization"},"response":{"status":401,"body":"Invalid API key ` + key + `"}}`,
		`{"id":"bare","request":{"scheme_sent":"none","credential_shape":null},"response":{"status":401}}`,
		`{"id":"half","response":{"st`,
		`{"id":"typed","response":{"status":"401"}}`,
		`{"id":"without"}`,
		`["` + key + `"]`,
		long,
		`{"response":{"status":403}}`,
	}, "\n")
	want := []string{
		"all access_expired", "7 invalid_credential", "unseen invalid_credential", "bare not_sent",
		" line 6: no JSON object", "typed line 7: response.status is a string", "without line 8: it has no response.status",
		" line 9: no JSON object", " line 10: longer than 16 MiB", " rejected_unclassified",
	}
	var got []string
	for x, err := range transcript.Lines(strings.NewReader(input)) {
		if err != nil {
			got = append(got, x.ID+" "+err.Error())
			continue
		}
		e := x.Diagnose(now)
		silent(t, e, key)
		got = append(got, x.ID+" "+string(e.Cause))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A value that nobody wrote down is not said to be empty or short.
func TestUnseenValue(t *testing.T) {
	for x, err := range transcript.Lines(strings.NewReader(`{"request":{"method":"GET","url":"https://api.acme.example/","scheme_sent":"bearer"},"response":{"status":401,"headers":{"WWW-Authenticate":"Bearer"}}}`)) {
		if err != nil {
			t.Fatal(err)
		}
		e := x.Diagnose(now)
		if e.Cause == auth.NotSent || e.Sent == nil || !strings.Contains(e.Sent.Masked, "not recorded") || strings.Contains(e.Explain(), "0 characters") {
			t.Errorf("%s", e.Explain())
		}
	}
}

func TestLinesEndWithTheReader(t *testing.T) {
	broken := errors.New("broken")
	n := 0
	for _, err := range transcript.Lines(io.MultiReader(strings.NewReader(`{"response":{"status":401}}`+"\n"), errReader{broken})) {
		if n++; n == 2 && !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if n != 2 {
		t.Error(n)
	}
	for range transcript.Lines(strings.NewReader("{}\n{}\n")) {
		break
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
