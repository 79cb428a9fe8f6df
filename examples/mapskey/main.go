// Mapskey sends its key as a query parameter, as Google Maps wants it. The key
// is on the wire and nowhere else: not in the request's URL, not in errors, not
// in the Referer of a redirect.
//
// The profile says how the key is sent, and that REQUEST_DENIED is a refusal
// though it comes with status 200.
//
//	go run ./examples/mapskey
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/profile"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	const key = "not-a-real-maps-key"
	srv := authtest.NewServer(authtest.Config{
		Keys:    []authtest.Key{{Query: "key", Value: key}},
		Refusal: authtest.DeniedIn200, // as Google Maps refuses
	})
	defer srv.Close()

	if err := os.Setenv("GOOGLE_MAPS_API_KEY", key); err != nil {
		return err
	}
	client, err := reauth.New(reauth.Config{
		Profile: profile.GoogleMaps,
		BaseURL: srv.API.URL, // without it, the real one
		NoRetry: true,        // the story ends with a server that is gone for good
	})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	req, err := client.NewRequest(ctx, http.MethodGet, "/maps/api/geocode/json?address=Lucerne&language=de", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	arrived := srv.API.Requests()
	_, _ = fmt.Fprintf(out, "the API accepted %s\n", arrived[len(arrived)-1].Credential)
	_, _ = fmt.Fprintf(out, "the program sees %s?%s\n", resp.Request.URL.Path, resp.Request.URL.RawQuery)

	if err := os.Setenv("GOOGLE_MAPS_API_KEY", "a-key-nobody-knows"); err != nil {
		return err
	}
	stranger, err := reauth.New(reauth.Config{Profile: profile.GoogleMaps, BaseURL: srv.API.URL})
	if err != nil {
		return err
	}
	defer func() { _ = stranger.Close() }()
	err = stranger.Get(ctx, "/maps/api/geocode/json?address=Lucerne", nil)
	if e, ok := errors.AsType[*auth.Error](err); ok {
		_, _ = fmt.Fprintf(out, "with another key: status %d, step %s, REQUEST_DENIED: %t\n", e.Response.Status, e.Step(), strings.Contains(e.Explain(), "REQUEST_DENIED"))
	}

	srv.Close() // so that the next request fails, and its error names the URL
	_, err = client.Do(req.Clone(ctx))
	if err == nil {
		return errors.New("a closed server answered")
	}
	_, err = fmt.Fprintf(out, "the key in the error: %t\n", strings.Contains(err.Error(), key))
	return err
}
