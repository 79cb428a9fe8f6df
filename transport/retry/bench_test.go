package retry_test

import (
	"net/http"
	"testing"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/reauth-go/reauth/transport/retry"
)

// BenchmarkRoundTrip compares what a request costs that needs no second attempt:
// without a layer, with this one, and with the library's own round tripper.
func BenchmarkRoundTrip(b *testing.B) {
	base := memory{http.Header{"Content-Type": {"application/json"}}}
	library := retryablehttp.NewClient()
	library.Logger, library.HTTPClient = nil, &http.Client{Transport: base}
	for _, c := range []struct {
		name string
		rt   http.RoundTripper
	}{
		{"plain", base},
		{"reauth", newLayer(b, base, retry.Config{})},
		{"retryablehttp", &retryablehttp.RoundTripper{Client: library}},
	} {
		b.Run(c.name, func(b *testing.B) {
			req := newRequest(b, http.MethodGet, nil)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.rt.RoundTrip(req)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp, err)
				}
			}
		})
	}
}
