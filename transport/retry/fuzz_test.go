package retry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/transport/retry"
)

// FuzzRetryAfter: no wait is negative, digits mean at least what they say, and
// nothing else than digits and dates means anything.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "-1", "1e9", "99999999999999999999", "9223372037", "Mon, 23 Nov 2026 09:12:10 GMT", "Monday, 23-Nov-26 09:12:10 GMT", "Mon Nov 23 09:12:10 2026", "Mon, 23 Nov 2026"} {
		f.Add(s, "")
		f.Add(s, "Mon, 23 Nov 2026 09:12:04 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		now := time.Date(2026, 11, 23, 9, 12, 4, 0, time.UTC)
		got := retry.RetryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		digits := strings.TrimLeft(strings.Trim(value, " \t\r\n"), "0")
		switch _, err := http.ParseTime(strings.Trim(value, " \t\r\n")); {
		case got < 0:
			t.Errorf("%q: %v", value, got)
		case digits != "" && strings.Trim(digits, "0123456789") == "":
			if len(digits) > 10 && got != 1<<63-1 || len(digits) <= 9 && got.Seconds() < 1 {
				t.Errorf("%q: %v", value, got)
			}
		case err != nil && got != 0:
			t.Errorf("%q is neither a number nor a date, and became %v", value, got)
		}
	})
}
