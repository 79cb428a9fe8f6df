//go:build unix

package auth_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// A volume is a mounted secret as Kubernetes lays it out: the file is a link
// through ..data to a folder, and an update swaps that link and removes what it
// led to.
type volume struct {
	t    *testing.T
	dir  string
	n    int
	File string
}

func newVolume(t *testing.T, content string) *volume {
	v := &volume{t: t, dir: t.TempDir()}
	v.File = filepath.Join(v.dir, "token")
	v.update(content)
	if err := os.Symlink(filepath.Join("..data", "token"), v.File); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *volume) update(content string) {
	v.t.Helper()
	link := filepath.Join(v.dir, "..data")
	before, _ := os.Readlink(link)
	v.n++
	next := fmt.Sprintf("..2026_11_23_09_12_%02d.1234567890", v.n)
	if err := os.Mkdir(filepath.Join(v.dir, next), 0o755); err != nil {
		v.t.Fatal(err)
	}
	write(v.t, filepath.Join(v.dir, next, "token"), content)
	if err := os.Symlink(next, link+"_tmp"); err != nil {
		v.t.Fatal(err)
	}
	if err := os.Rename(link+"_tmp", link); err != nil {
		v.t.Fatal(err)
	}
	if before != "" {
		if err := os.RemoveAll(filepath.Join(v.dir, before)); err != nil {
			v.t.Fatal(err)
		}
	}
}

// TestTrap78_AMountedSecretIsSwapped: the new key is in use within a minute,
// before the old one is withdrawn. Nobody restarts anything, no request is lost,
// and the old key is never used again.
func TestTrap78_AMountedSecretIsSwapped(t *testing.T) {
	const old, next = "fake-key-old", "fake-key-new"
	keys := []authtest.Key{{Label: "old", Value: old}, {Label: "new", Value: next}}
	for _, tt := range []struct {
		name    string
		every   time.Duration
		repeats bool // the first request after the swap may have to be repeated
	}{
		{"steady traffic", time.Second, false},
		{"a request now and then", 20 * time.Second, false},
		// Nothing wakes up to read a file that nobody uses (law L11). What is
		// refused for that is healed.
		{"hardly any traffic", 5 * time.Minute, true},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			v := newVolume(t, old+"\n")
			srv := authtest.NewServer(authtest.Config{InMemory: true, Keys: keys[:1]})
			defer srv.Close()
			rt, err := transport.New(transport.Config{Source: auth.File(v.File), Origins: []string{srv.API.URL}, Base: srv.Transport()})
			if err != nil {
				t.Fatal(err)
			}
			defer rt.Close()
			client := &http.Client{Transport: rt}
			call := func() {
				t.Helper()
				resp, err := client.Get(srv.API.URL + "/v1/me")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("a request is lost: %s", resp.Status)
				}
				synctest.Wait()
			}
			for range 3 {
				call()
				time.Sleep(tt.every)
			}
			srv.Set(func(c *authtest.Config) { c.Keys = keys })
			v.update(next)
			swapped := time.Now()
			time.Sleep(tt.every / 2)
			for time.Since(swapped) < 20*time.Minute {
				if time.Since(swapped) >= time.Minute {
					srv.Set(func(c *authtest.Config) { c.Keys = keys[1:] })
				}
				call()
				time.Sleep(tt.every)
			}

			var lastOld, firstNew time.Time
			refused := 0
			for _, r := range srv.API.Requests() {
				if r.Status != http.StatusOK {
					refused++
				}
				switch {
				case r.Credential == "new" && firstNew.IsZero():
					firstNew = r.Time
				case r.Credential != "new":
					lastOld = r.Time
				}
			}
			if lastOld.After(firstNew) {
				t.Errorf("the old key was used again %v after the new one", lastOld.Sub(firstNew))
			}
			if took := firstNew.Sub(swapped); took > time.Minute && !tt.repeats {
				t.Errorf("the new key was first used after %v", took)
			}
			if want := map[bool]int{true: 1}[tt.repeats]; refused != want {
				t.Errorf("%d requests were refused, want %d", refused, want)
			}
		})
	}
}

// TestTrap78_ASwapIsNoMissingFile: whoever reads while the link is swapped gets
// the old content or the new. Most of all this must hold after a refusal, which
// is when a rotated key is looked for.
func TestTrap78_ASwapIsNoMissingFile(t *testing.T) {
	v := newVolume(t, "fake-key-0")
	src := auth.File(v.File)
	stop := make(chan struct{})
	read := make(chan error)
	go func() {
		defer close(read)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := src.Credential(t.Context()); err != nil {
				read <- err
				return
			}
		}
	}()
	for n, end := 1, time.Now().Add(1500*time.Millisecond); time.Now().Before(end); n++ {
		v.update(fmt.Sprintf("fake-key-%d", n))
	}
	close(stop)
	if err := <-read; err != nil {
		t.Error(err)
	}
}
