package refusals_test

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// The one user whom every server knows. No real thing has such a password.
const (
	alice    = "alice"
	password = "canary-zebra-4417"
	// bcrypted is that password as the registry wants it; its cost is the
	// lowest that there is.
	bcrypted = "$2b$04$e4TOsBFeqJQ6HnC7zV2vw.zf0uKSzWSLSPVVjzMsDHXuWLSkAHpYi"
)

// basicFile is what nginx and Apache read: user and SHA-1 of the password.
func basicFile() string {
	sum := sha1.Sum([]byte(password))
	return alice + ":{SHA}" + base64.StdEncoding.EncodeToString(sum[:]) + "\n"
}

// digestFile is what Apache and Squid read: the HA1 of RFC 7616 section 3.4.2.
func digestFile(realm string) string {
	return alice + ":" + realm + ":" + md5hex(alice+":"+realm+":"+password) + "\n"
}

func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// A server is one program that listens on loopback until its test ends.
type server struct {
	addr    string // host and port
	process *sandbox.Process
}

func (s server) url(path string) string { return "http://" + s.addr + path }

// folder makes a directory with these files, which belongs to whom the servers run
// as: a test's own is private to the test's user.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "reauth-refusals-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		u, err := user.Lookup(nobody)
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		if err := os.Chown(dir, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "@DIR@", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// freeAddr is a loopback address on which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// nobody is whom servers run as where we are root: most of them do not want to be
// root, and what they become by themselves outlives a test that is killed.
const nobody = "nobody"

// start starts a program that is to listen on addr, and waits until it does. It
// must stay one process, which ends with the test however that ends. Squid's
// helpers end when they hear no more of it.
func start(t *testing.T, addr string, program ...string) server {
	t.Helper()
	sandbox.Need(t, program[0])
	line := strings.Join(program, " ")
	if os.Getuid() == 0 {
		sandbox.Need(t, "setpriv")
		program = append([]string{"setpriv", "--reuid=" + nobody, "--regid=nogroup", "--clear-groups", "--pdeathsig=KILL"}, program...)
	}
	p := sandbox.New(t).Start(exec.Command(program[0], program[1:]...))
	sandbox.Poll(t, 30*time.Second, line+" listens", func() bool {
		if p.Ended() {
			t.Fatalf("%s ended before it was ready:\n%s", line, p.Log())
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	t.Cleanup(func() {
		if p.Ended() {
			t.Errorf("%s ended before the test did:\n%s", line, p.Log())
		}
	})
	return server{addr, p}
}

// startNginx has one page behind Basic, and the same with a realm whose quotation
// marks nginx does not escape.
func startNginx(t *testing.T) server {
	t.Helper()
	addr := freeAddr(t)
	dir := folder(t, map[string]string{
		"passwords": basicFile(),
		"www/plain": "welcome\n",
		"www/quote": "welcome\n",
		"nginx.conf": fmt.Sprintf(`
daemon off;
master_process off;
pid @DIR@/nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path @DIR@/body;
	proxy_temp_path @DIR@/proxy;
	fastcgi_temp_path @DIR@/fastcgi;
	uwsgi_temp_path @DIR@/uwsgi;
	scgi_temp_path @DIR@/scgi;
	server {
		listen %s;
		root @DIR@/www;
		auth_basic_user_file @DIR@/passwords;
		location /plain { auth_basic "the attic"; }
		location /quote { auth_basic 'the "attic" é'; }
	}
}
`, addr),
	})
	return start(t, addr, "nginx", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
}

// digestRealm is Apache's and Squid's.
const digestRealm = "the vault"

// startApache has a page behind Basic and one behind Digest, whose nonces live
// for a second.
func startApache(t *testing.T) server {
	t.Helper()
	addr := freeAddr(t)
	dir := folder(t, map[string]string{
		"passwords":  basicFile(),
		"digests":    digestFile(digestRealm),
		"www/basic":  "welcome\n",
		"www/digest": "welcome\n",
		"apache.conf": fmt.Sprintf(`
ServerRoot @DIR@
DefaultRuntimeDir @DIR@
PidFile @DIR@/apache.pid
ServerName localhost
Listen %s
KeepAlive Off
ErrorLog @DIR@/error.log
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
LoadModule auth_digest_module /usr/lib/apache2/modules/mod_auth_digest.so
DocumentRoot @DIR@/www
<Location /basic>
	AuthType Basic
	AuthName "the cellar"
	AuthUserFile @DIR@/passwords
	Require valid-user
</Location>
<Location /digest>
	AuthType Digest
	AuthName "%s"
	AuthDigestProvider file
	AuthDigestNonceLifetime 1
	AuthUserFile @DIR@/digests
	Require valid-user
</Location>
`, addr, digestRealm),
	})
	// With more than one process (-DFOREGROUND) it would end by ending its process
	// group, which is ours.
	return start(t, addr, "apache2", "-X", "-f", filepath.Join(dir, "apache.conf"))
}

// startRegistry is a Docker registry with one way to authenticate, which is given
// as the registry's configuration writes it.
func startRegistry(t *testing.T, authentication string, files map[string]string) server {
	t.Helper()
	addr := freeAddr(t)
	files["config.yml"] = fmt.Sprintf(`
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {inmemory: {}}
http: {addr: "%s", secret: not-used}
auth:
  %s
`, addr, authentication)
	dir := folder(t, files)
	return start(t, addr, "docker-registry", "serve", filepath.Join(dir, "config.yml"))
}

// startSquid is a proxy that wants user and password, by Basic or Digest.
func startSquid(t *testing.T) server {
	t.Helper()
	addr := freeAddr(t)
	const digester = "/usr/lib/squid/digest_file_auth"
	if _, err := os.Stat(digester); err != nil {
		sandbox.Missing(t, "Squid's helper for Digest is not installed: "+err.Error())
	}
	dir := folder(t, map[string]string{
		"digests": digestFile(digestRealm),
		"auth.sh": fmt.Sprintf("while read -r line; do [ \"$line\" = '%s %s' ] && echo OK || echo ERR; done\n", alice, password),
		"squid.conf": fmt.Sprintf(`
http_port %s
auth_param basic program /bin/sh @DIR@/auth.sh
auth_param basic realm the gate
auth_param digest program %s -c @DIR@/digests
auth_param digest realm %s
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
dns_nameservers 127.0.0.1
udp_outgoing_address 127.0.0.1
visible_hostname gate.test
coredump_dir @DIR@
pid_filename none
access_log none
cache_log /dev/null
netdb_filename none
pinger_enable off
cache deny all
shutdown_lifetime 0 seconds
`, addr, digester, digestRealm),
	})
	_, port, _ := net.SplitHostPort(addr)
	// A name of its own, because Squid's shared memory has that name.
	return start(t, addr, "squid", "-N", "-d", "1", "-n", "gate"+port, "-f", filepath.Join(dir, "squid.conf"))
}
