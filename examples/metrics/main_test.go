package main

import (
	"bytes"
	"encoding/json"
	"expvar"
	"strings"
	"testing"
	"testing/synctest"
)

func TestMetrics(t *testing.T) {
	var out bytes.Buffer
	var published expvar.Var
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context(), &out, func(v expvar.Var) { published = v }); err != nil {
			t.Fatal(err)
		}
	})
	var chapters []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "  {") {
			chapters = append(chapters, strings.TrimSpace(line))
		}
	}
	wants := []struct {
		events, refused  string
		failures         int
		atLeast, notOver float64 // seconds to expiry
	}{
		{`{"found": 1}`, `{}`, 0, 4, 4},
		{`{"found": 1, "renew_failed": 1}`, `{}`, 1, 0.5, 0.8}, // still valid, nothing refused
		{`{"found": 1, "renew_failed": 1, "renewed": 1}`, `{}`, 0, 3599, 3600},
		{`{"found": 1, "renew_failed": 1, "renewed": 2, "repeated": 1}`, `{}`, 0, 3599, 3600},
		{`{"found": 1, "refused": 1, "renew_failed": 1, "renewed": 2, "repeated": 1}`, `{"insufficient_scope": 1}`, 0, 3599, 3600},
	}
	if len(chapters) != len(wants) || published == nil {
		t.Fatalf("published %v, and not %d chapters:\n%s", published, len(wants), out.String())
	}
	for i, want := range wants {
		var got struct {
			Events, Refused json.RawMessage
			Failures        int
			Left            float64 `json:"seconds_to_expiry"`
		}
		if err := json.Unmarshal([]byte(chapters[i]), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Events) != want.events || string(got.Refused) != want.refused || got.Failures != want.failures {
			t.Errorf("chapter %d: got %s", i+1, chapters[i])
		}
		if got.Left < want.atLeast || got.Left > want.notOver {
			t.Errorf("chapter %d: %v seconds are left, want %v to %v", i+1, got.Left, want.atLeast, want.notOver)
		}
	}
	if strings.Contains(out.String(), "test-client-secret") || strings.Contains(out.String(), "test-access") {
		t.Errorf("L7: a secret shows:\n%s", out.String())
	}
}
