// Otel draws OpenTelemetry metrics from a client: a counter of events by kind,
// origin and cause, and gauges of the seconds to expiry and of consecutive
// failures. It is a module of its own, so that nobody else downloads
// OpenTelemetry.
//
//	go run ./examples/otel
//
// A program of yours gives [newMetrics] the meter of its own provider, with
// its own exporter; the reader here prints what one collection gives.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// Metrics are what is drawn from one client, which they name in an attribute.
type metrics struct {
	client attribute.KeyValue
	meter  metric.Meter
	events metric.Int64Counter
}

func newMetrics(meter metric.Meter, client string) (*metrics, error) {
	events, err := meter.Int64Counter("auth.client.events", metric.WithUnit("{event}"),
		metric.WithDescription("what happened to the credential and to requests for its sake"))
	return &metrics{attribute.String("client", client), meter, events}, err
}

// Hook counts. It is called inline by whatever happens, so it does no more. All
// attributes have few values, as long as the program alone decides which origins
// it calls.
func (m *metrics) hook(ctx context.Context, e auth.Event) {
	attrs := []attribute.KeyValue{m.client, attribute.String("kind", string(e.Kind))}
	if e.Origin != "" {
		attrs = append(attrs, attribute.String("origin", e.Origin))
	}
	if why, ok := errors.AsType[*auth.Error](e.Err); ok {
		attrs = append(attrs, attribute.String("cause", string(why.Cause)), attribute.String("step", string(why.Step())))
	}
	m.events.Add(ctx, 1, metric.WithAttributes(attrs...))
}

// Watch adds the gauges. They ask the client when they are collected: what has
// mended itself is seen there first.
func (m *metrics) watch(client *reauth.Client) error {
	of := metric.WithAttributes(m.client)
	_, err := m.meter.Float64ObservableGauge("auth.client.expiry", metric.WithUnit("s"),
		metric.WithDescription("seconds to the expiry of the credential in use; nothing if there is none, or none is stated"),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			if s := client.Status(ctx); !s.Expiry.IsZero() {
				o.Observe(time.Until(s.Expiry).Seconds(), of)
			}
			return nil
		}))
	if err != nil {
		return err
	}
	_, err = m.meter.Int64ObservableGauge("auth.client.failures", metric.WithUnit("{failure}"),
		metric.WithDescription("failures of the credential's source in a row"),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			o.Observe(int64(client.Status(ctx).Failures), of)
			return nil
		}))
	return err
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	defer func() { _ = provider.Shutdown(ctx) }()
	m, err := newMetrics(provider.Meter("acme"), "acme")
	if err != nil {
		return err
	}

	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	source, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "test-client", ClientSecret: "test-client-secret", TokenURL: srv.Issuer.TokenURL,
	}, oauth.Options{Transport: srv.Transport()})
	if err != nil {
		return err
	}
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: source, Transport: srv.Transport(), Hook: m.hook})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := m.watch(client); err != nil {
		return err
	}

	for _, chapter := range []struct {
		what string
		play func()
	}{
		{"a token is found", func() {}},
		{"it is revoked, and one repeat heals it", srv.Issuer.RevokeAccess},
		{"it is revoked, and the issuer does not accept the client", func() {
			srv.Issuer.RevokeAccess()
			srv.Issuer.FailNext(1, authtest.InvalidClient)
		}},
	} {
		chapter.play()
		_ = client.Get(ctx, "/v1/me", nil) // whether it fails is what the metrics are to tell
		if _, err := fmt.Fprintln(out, chapter.what); err != nil {
			return err
		}
		if err := show(ctx, out, reader); err != nil {
			return err
		}
	}
	return nil
}

// Show prints what an exporter would send.
func show(ctx context.Context, out io.Writer, reader sdk.Reader) error {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		return err
	}
	var lines []string
	line := func(name string, of attribute.Set, value any) {
		lines = append(lines, fmt.Sprintf("  %s{%s} %v\n", name, of.Encoded(attribute.DefaultEncoder()), value))
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					line(m.Name, p.Attributes, int(p.Value))
				}
			}
		}
	}
	slices.Sort(lines)
	_, err := io.WriteString(out, strings.Join(lines, ""))
	return err
}
