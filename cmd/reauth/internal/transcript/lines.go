package transcript

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
)

// A line is one exchange in JSON. Any of it may be missing.
type line struct {
	ID      text `json:"id"`
	Request *struct {
		Method string  `json:"method"`
		URL    string  `json:"url"`
		Scheme string  `json:"scheme_sent"`
		Name   string  `json:"header_name"`
		Shape  *string `json:"credential_shape"`
		Expiry string  `json:"credential_expiry"`
		JWT    bool    `json:"is_jwt"` // the value says it better
	} `json:"request"`
	Response *struct {
		Status float64          `json:"status"`
		Header map[string]texts `json:"headers"`
		Body   text             `json:"body"`
	} `json:"response"`
}

// text is a string, or any other value as it was written.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	switch {
	case string(raw) == "null":
	case json.Unmarshal(raw, &s) == nil:
		*t = text(s)
	default:
		*t = text(raw)
	}
	return nil
}

// texts is one string or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(raw []byte) error {
	var list []text
	if json.Unmarshal(raw, &list) != nil {
		var one text
		if err := one.UnmarshalJSON(raw); err != nil {
			return err
		}
		list = []text{one}
	}
	for _, s := range list {
		*t = append(*t, string(s))
	}
	return nil
}

// Lines reads one exchange in JSON from each line, blank ones left out. A line
// that holds none gives an error, and whatever of the exchange is known; the
// lines after it are read all the same. An error of the reader ends it.
func Lines(r io.Reader) iter.Seq2[*Exchange, error] {
	return func(yield func(*Exchange, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		for n := 1; ; n++ {
			raw, err := readLine(in)
			if err == nil || len(raw) > 0 {
				if raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff"))); len(raw) > 0 {
					x, bad := exchangeOf(raw)
					if bad != nil {
						bad = fmt.Errorf("line %d: %w", n, bad)
					}
					if !yield(x, bad) {
						return
					}
				}
			}
			if errors.Is(err, errTooLong) {
				if !yield(new(Exchange), fmt.Errorf("line %d: %w", n, err)) {
					return
				}
				err = nil
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(new(Exchange), err)
				return
			}
		}
	}
}

var errTooLong = fmt.Errorf("longer than %d MiB", MaxBytes>>20)

// readLine reads to the end of the line. Of one that is too long it keeps
// nothing.
func readLine(in *bufio.Reader) ([]byte, error) {
	var all []byte
	size := 0
	for {
		part, err := in.ReadSlice('\n')
		if size += len(part); size <= MaxBytes {
			all = append(all, part...)
		} else {
			all = nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if size > MaxBytes && (err == nil || err == io.EOF) {
			return nil, errTooLong
		}
		return all, err
	}
}

func exchangeOf(raw []byte) (*Exchange, error) {
	var l line
	if err := json.Unmarshal(raw, &l); err != nil {
		// Its text may quote the line, and with it a secret.
		if at := (*json.UnmarshalTypeError)(nil); errors.As(err, &at) && at.Field != "" {
			return &Exchange{ID: string(l.ID)}, fmt.Errorf("%s is a %s", at.Field, at.Value)
		}
		return new(Exchange), errors.New("no JSON object")
	}
	x := &Exchange{ID: string(l.ID), Header: make(http.Header)}
	if q := l.Request; q != nil {
		x.Method, x.URL = q.Method, q.URL
		_, x.hide = x.found(nil, "")
		if q.Shape != nil && q.Scheme == nothing {
			x.hide = append(x.hide, *q.Shape)
		}
		if q.Scheme != "" || q.Name != "" || q.Shape != nil {
			x.carried = &carried{scheme: q.Scheme, name: q.Name, value: q.Shape, expiry: q.Expiry}
		}
	}
	if l.Response == nil || l.Response.Status == 0 {
		return x, errors.New("it has no response.status")
	}
	if x.Status = int(l.Response.Status); x.Status < 100 || x.Status > 999 {
		return x, errors.New("response.status is no status")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Response.Header)) {
		for _, v := range l.Response.Header[name] {
			add(x.Header, name, v)
		}
	}
	x.Body = []byte(l.Response.Body)
	x.clear()
	return x, nil
}
