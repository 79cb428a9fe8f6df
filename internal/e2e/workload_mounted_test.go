package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

// mount lays a secret out as the kubelet does, or updates it: the file is a link
// through ..data to a folder of its own time, and ..data is swapped.
func mount(t *testing.T, dir, content string) (file string) {
	t.Helper()
	file = filepath.Join(dir, "token")
	data := filepath.Join(dir, "..data")
	before, _ := os.Readlink(data)
	next, err := os.MkdirTemp(dir, "..2026_11_23_")
	if err == nil {
		err = os.WriteFile(filepath.Join(next, "token"), []byte(content), 0o600)
	}
	if err == nil {
		err = os.Symlink(filepath.Base(next), data+"_tmp")
	}
	if err == nil {
		err = os.Rename(data+"_tmp", data)
	}
	if err == nil && before == "" {
		err = os.Symlink(filepath.Join("..data", "token"), file)
	} else if err == nil {
		err = os.RemoveAll(filepath.Join(dir, before))
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// In real time, with real files and connections: a mounted key is swapped while
// the old one is still good, and is in use within half a minute.
func TestWorkload_AMountedSecretIsSwappedUnderTraffic(t *testing.T) {
	t.Parallel()
	const old, next = "fake-key-old", "fake-key-new"
	var mu sync.Mutex
	withdrawn := false
	used := map[string]string{} // by the caller's name of the request
	var first time.Time         // when a request with the new key was answered
	refused := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("X-Api-Key")
		used[r.Header.Get(resource.IDHeader)] = key
		switch {
		case key == next && first.IsZero():
			first = time.Now()
		case key != next && (key != old || withdrawn):
			refused++
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(srv.Close)

	dir := t.TempDir()
	setenv(t, "MOUNTED_API_KEY_FILE", mount(t, dir, old+"\n"))
	c := newClient(t, reauth.Config{Name: "mounted", BaseURL: srv.URL, Scheme: auth.APIKeyHeader("X-Api-Key"), Transport: newWire(t)})
	calls := traffic(t, c, 5, time.Now().Add(time.Second), 100*time.Millisecond)
	mount(t, dir, next+"\n")
	swapped := time.Now()
	for took := time.Duration(0); took == 0 && time.Since(swapped) < 33*time.Second; {
		calls = append(calls, traffic(t, c, 5, time.Now().Add(time.Second), 100*time.Millisecond)...)
		mu.Lock()
		if !first.IsZero() {
			took = first.Sub(swapped)
			withdrawn = true
		}
		mu.Unlock()
	}
	calls = append(calls, traffic(t, c, 5, time.Now().Add(time.Second), 100*time.Millisecond)...)

	wantAllWell(t, calls)
	mu.Lock()
	defer mu.Unlock()
	switch took := first.Sub(swapped); {
	case first.IsZero():
		t.Error("the new key was not used within 33 s")
	case took > 31*time.Second:
		t.Errorf("the new key was first used after %v", took)
	default:
		t.Logf("%d requests; the new key was first used %v after the swap; %d refused", len(calls), took.Round(time.Millisecond), refused)
	}
	if refused > 0 {
		t.Errorf("%d requests were refused", refused)
	}
	for _, call := range calls {
		if call.began.After(first) && used[call.id] != next {
			t.Errorf("a request that began %v after the new key was in use went out with another", call.began.Sub(first))
			break
		}
	}
}
