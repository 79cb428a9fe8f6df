package refusals_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
	"github.com/reauth-go/reauth/transport"
)

// A refusal is one request that a real server does not let through.
type refusal struct {
	name  string
	url   string
	form  url.Values // of a token request, a POST; nil: a GET
	proxy string     // host and port, and what curl's -x takes before them
	sent  sending

	// curl are the arguments by which curl sends it, where that is no header
	// that one could write down.
	curl []string
	// ask asks by other means than a transport around sent.
	ask func(t *testing.T) error

	cause   auth.Cause // that both name
	certain bool       // the transport proves it; else it must not say so
	truth   auth.Cause // if the server does not tell: then it is among the others, and the cause is possible at most

	// differs are the members of the command's answer that cannot be the
	// transport's, and why says the reason. told is the command's cause, if that
	// is one of them.
	differs []string
	why     string
	told    auth.Cause
	passes  bool // the transport takes it for no refusal at all
}

// A sending is what the header Authorization carries: a word and what follows
// it, or nothing.
type sending struct {
	word, value  string
	user, secret string // that the value was made of
	whole        bool   // the program's credential is all of the header, the word included
}

func nothing() sending            { return sending{} }
func bearer(token string) sending { return sending{word: "Bearer", value: token, secret: token} }

func pair(user, pw string) sending {
	return sending{word: "Basic", value: base64.StdEncoding.EncodeToString([]byte(user + ":" + pw)), user: user, secret: pw}
}

// header is a whole field value, as a program keeps it that has no scheme.
func header(word, value string) sending {
	return sending{word: word, value: value, secret: value, whole: true}
}

// whole is a pair as a program keeps it that has been given the whole header.
func whole(user, pw string) sending {
	s := pair(user, pw)
	s.whole = true
	return s
}

func (s sending) Credential(context.Context) (*auth.Credential, error) {
	if s.whole {
		return &auth.Credential{Secret: auth.NewSecret(s.field())}, nil
	}
	return &auth.Credential{Username: s.user, Secret: auth.NewSecret(s.secret)}, nil
}

// field is the value of the header.
func (s sending) field() string { return strings.TrimSpace(s.word + " " + s.value) }

// scheme is ours where we have one, and else one that a user could write.
func (s sending) scheme() auth.Scheme {
	switch {
	case s.whole:
		return auth.APIKeyHeader("Authorization")
	case s.word == "Bearer":
		return auth.Bearer
	case s.word == "Basic" && s.user != "":
		return auth.Basic
	}
	return scheme{s}
}

type scheme struct{ s sending }

func (s scheme) Name() string                           { return s.s.word }
func (s scheme) Place() auth.Place                      { return auth.Place{Header: "Authorization"} }
func (s scheme) Value(*auth.Credential) (string, error) { return s.s.field(), nil }

// args are the arguments by which curl sends the same.
func (s sending) args() []string {
	if s.value == "" {
		return nil
	}
	return []string{"-H", "Authorization: " + s.field()}
}

// spec tells the command the same, and held is what it finds in the variable.
func (s sending) spec() (spec, held string) {
	switch {
	case s.value == "":
		return "nothing", ""
	case s.word == "Basic" && s.user != "":
		return "Authorization: Basic " + s.user + ":$" + variable, s.secret
	}
	return "Authorization: " + strings.TrimSpace(s.word+" $"+variable), s.value
}

// What a request without a credential is to the two sides.
var (
	keptBack    = []string{"confidence", "others"}
	keptBackWhy = "the transport knows that it has kept its credential back; the command is told no more than that there was none"
)

// unsent is the credential that is kept back.
const unsent = "canary-lemur-6631"

// An answer is a diagnosis in the form that both sides print.
type answer struct {
	Cause      auth.Cause      `json:"cause"`
	Step       auth.Step       `json:"step"`
	Confidence string          `json:"confidence"`
	Fixer      auth.Fixer      `json:"fixer"`
	Others     json.RawMessage `json:"others"`
	Challenges []struct {
		Scheme  string            `json:"scheme"`
		Params  map[string]string `json:"params"`
		Token68 *string           `json:"token68"`
	} `json:"challenges"`
	Evidence []struct{ Source, Fact string } `json:"evidence"`
	Remedy   struct{ Text string }           `json:"remedy"`
}

func parse(t *testing.T, text []byte) (a answer) {
	t.Helper()
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("that is no diagnosis: %v\n%s", err, text)
	}
	if len(a.Evidence) == 0 || a.Remedy.Text == "" {
		t.Errorf("no evidence or no remedy: %s", text)
	}
	for _, c := range a.Challenges {
		delete(c.Params, "nonce") // another one each time
	}
	return a
}

// differences are the members in which two answers are not the same.
func (a answer) differences(b answer) []string {
	var out []string
	for name, same := range map[string]bool{
		"cause":      a.Cause == b.Cause,
		"step":       a.Step == b.Step,
		"confidence": a.Confidence == b.Confidence,
		"fixer":      a.Fixer == b.Fixer,
		"others":     string(a.Others) == string(b.Others),
		"challenges": len(a.Challenges) == 0 && len(b.Challenges) == 0 || reflect.DeepEqual(a.Challenges, b.Challenges),
	} {
		if !same {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (a answer) String() string {
	others := strings.ReplaceAll(string(a.Others), `"`, "")
	return fmt.Sprintf("%s (%s), %s, %s, others %s, challenges %v", a.Cause, a.Confidence, a.Step, a.Fixer, others, a.Challenges)
}

// run is the whole law: the transport gives the right cause, the command gives
// the same answer to what curl saved, and neither shows what was sent.
func run(t *testing.T, cases []refusal) {
	t.Helper()
	box := sandbox.New(t)
	for _, r := range cases {
		t.Run(r.name, func(t *testing.T) { r.try(t, box) })
	}
}

func (r refusal) try(t *testing.T, box *sandbox.Sandbox) {
	hidden := r.secrets()
	if r.passes {
		r.passed(t, box, hidden)
		return
	}
	e := r.diagnosed(t)
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	hidden.in(t, "the transport's error", e.Error(), e.Explain(), string(text), fmt.Sprintf("%+v %#v", e, e), fmt.Sprint(e.LogValue()))
	there := parse(t, text)
	t.Logf("the transport: %v\n%s", there, e.Explain())
	if there.Cause != r.cause || there.Step != r.cause.Step() || (e.Confidence == auth.Certain) != r.certain {
		t.Errorf("the transport says %s (%s) and step %s, want %s and %s, certain: %v\n%s", there.Cause, there.Confidence, there.Step, r.cause, r.cause.Step(), r.certain, e.Explain())
	}
	if r.truth != "" && (e.Confidence != auth.Possible || !slices.ContainsFunc(e.Others, func(o auth.Other) bool { return o.Cause == r.truth })) {
		t.Errorf("the truth is %s: it has to be among the others, and the cause no more than possible: %v", r.truth, there)
	}

	var found []string
	for how, here := range r.explained(t, box, hidden) {
		t.Logf("explain, %s: %v", how, here)
		for _, member := range there.differences(here) {
			if found = append(found, member); !slices.Contains(r.differs, member) {
				t.Errorf("the command, given %s, says another %s:\n%v\nthan the transport:\n%v", how, member, here, there)
			}
		}
		if r.told != "" && (here.Cause != r.told || here.Step != r.told.Step()) {
			t.Errorf("the command, given %s, says %s and step %s, want %s", how, here.Cause, here.Step, r.told)
		}
	}
	for _, member := range r.differs {
		if !slices.Contains(found, member) {
			t.Errorf("%s is the same: the table need not say %q", member, r.why)
		}
	}
	if (len(r.differs) > 0) != (r.why != "") {
		t.Error("a case that differs says why, and no other")
	}
}

// passed is a case that the transport leaves to the caller.
func (r refusal) passed(t *testing.T, box *sandbox.Sandbox, hidden secrets) {
	t.Helper()
	if r.why == "" {
		t.Error("the case does not say why")
	}
	if e, ok := errors.AsType[*auth.Error](r.through(t)); ok {
		t.Errorf("the transport takes it for a refusal, and the table need not say %q: %v", r.why, e)
	}
	for how, here := range r.explained(t, box, hidden) {
		t.Logf("explain, %s: %v", how, here)
		if here.Cause != r.told || here.Step != r.told.Step() || here.Confidence == auth.Certain.String() {
			t.Errorf("the command, given %s, says %v, want %s", how, here, r.told)
		}
	}
}

// diagnosed sends the request through the transport.
func (r refusal) diagnosed(t *testing.T) *auth.Error {
	t.Helper()
	ask := r.ask
	if ask == nil {
		ask = r.through
	}
	err := ask(t)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Fatalf("the transport has no diagnosis: %v", err)
	}
	return e
}

// through asks by a transport whose only credential is the case's. Without one
// it would not ask: what carries nothing is a request to somebody else's origin,
// to which the credential does not go.
func (r refusal) through(t *testing.T) error {
	t.Helper()
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	if r.proxy != "" {
		proxy, err := url.Parse("http://" + r.proxy)
		if err != nil {
			t.Fatal(err)
		}
		base.Proxy = http.ProxyURL(proxy)
	}
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	cfg := transport.Config{Source: r.sent, Scheme: r.sent.scheme(), Origins: []string{u.Scheme + "://" + u.Host}, Base: base}
	if r.sent.value == "" {
		cfg.Source, cfg.Scheme, cfg.Origins = auth.Static(unsent), auth.Bearer, []string{"https://api.test"}
	}
	tr, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	resp, err := (&http.Client{Transport: tr, Timeout: 20 * time.Second}).Get(r.url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if e, ok := auth.FromResponse(resp); ok {
		return e
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
	return fmt.Errorf("%s, no diagnosis: %s", resp.Status, body)
}

// wantServed fails the test if a server refuses even who is right: then none of
// its refusals would prove anything.
func wantServed(t *testing.T, address string, s sending) {
	t.Helper()
	if resp := answerTo(t, address, s); resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		t.Fatalf("%s refuses who is right: %s", address, resp.Status)
	}
}

// answerTo asks with nothing of ours in between.
func answerTo(t *testing.T, address string, s sending) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if field := s.field(); field != "" {
		req.Header.Set("Authorization", field)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
