package transcript_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/cmd/reauth/internal/transcript"
)

// hostile are inputs of any size that a reader could trip over.
var hostile = map[string]struct{ start, unit string }{
	"one line of a body":    {refusal, "x"},
	"lines of a body":       {refusal, "x\n"},
	"JSON, deep":            {refusal[:len(refusal)-27], `{"error":`},
	"arrays, deep":          {refusal[:len(refusal)-27], `[`},
	"fields":                {refusal[:27], "X-A: b\r\n"},
	"fields without a name": {refusal[:27], ":\r\n"},
	"one field":             {refusal[:27] + "WWW-Authenticate: ", "Bearer a=b, "},
	"challenges":            {refusal[:27], "WWW-Authenticate: Bearer a=b\r\n"},
	"folds":                 {refusal[:27] + "X-A: b\r\n", " c\r\n"},
	"responses":             {"", "HTTP/1.1 401 X\r\n\r\n"},
	"requests":              {"* x\n", "> GET / HTTP/1.1\n"},
	"exchanges":             {"* x\n", "> GET /?key=abcdefgh HTTP/1.1\n> Authorization: Bearer abcdefgh\n>\n< HTTP/1.1 401 X\n<\n"},
	"parameters":            {"GET /?", "key=abcdefgh&"},
	"progress":              {"", "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"},
	"no line":               {"", "a"},
	"marks":                 {"", "* "},
	"a form":                {"POST / HTTP/1.1\n\ngrant_type=a", "&token=abcdefgh"},
}

// Whatever the input, what is kept of it is no more than it. BenchmarkRead tells
// of time and of what is allocated on the way: both in proportion.
func TestHostileInput(t *testing.T) {
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			const size = 1 << 20
			input := h.start + strings.Repeat(h.unit, size/len(h.unit)+1)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			x, _, err := transcript.Read(strings.NewReader(input))
			if err == nil {
				if text := x.Diagnose(now).Explain(); len(text) > 64<<10 {
					t.Errorf("a page of %d bytes", len(text))
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 2*size {
				t.Errorf("%d KiB are kept", kept>>10)
			}
			runtime.KeepAlive(x)
			runtime.KeepAlive(input)
		})
	}
}

// Equal speed for both sizes means linear time.
func BenchmarkRead(b *testing.B) {
	for name, h := range hostile {
		for _, n := range []int{1 << 20, transcript.MaxBytes} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "_"), n), func(b *testing.B) {
				input := h.start + strings.Repeat(h.unit, n/len(h.unit)+1)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					if x, _, err := transcript.Read(strings.NewReader(input)); err == nil {
						x.Diagnose(now)
					}
				}
			})
		}
	}
}
