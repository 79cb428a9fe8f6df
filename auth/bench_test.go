package auth_test

import (
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
)

func BenchmarkCacheCredential(b *testing.B) {
	for name, life := range map[string]time.Duration{"without expiry": 0, "with expiry": time.Hour} {
		c := auth.Cached(&source{answer: mints(life, 0)})
		ctx := b.Context()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Credential(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+", parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := c.Credential(ctx); err != nil {
						b.Error(err)
					}
				}
			})
		})
		_ = c.Close()
	}
}
