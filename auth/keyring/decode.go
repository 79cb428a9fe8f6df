package keyring

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// lineEnds are not part of a value: whoever stores one with a pipe adds one.
const lineEnds = "\r\n"

var errNotText = errors.New("the value is neither UTF-8 nor UTF-16LE text")

// decode returns the text that a keyring's raw bytes stand for, on whatever
// system they were written:
//
//   - behind a byte order mark FF FE: UTF-16LE; behind EF BB BF: UTF-8;
//   - an even number of bytes, more than half of the pairs with a zero byte
//     in second place: UTF-16LE of mostly ASCII text, as Windows' tools write
//     it. UTF-8 text that may be sent holds no zero byte, so nothing is lost;
//   - else UTF-8.
//
// Line ends at the end are dropped, and so is one closing NUL of UTF-16. What
// then holds a NUL or is not valid is refused rather than guessed at. The error
// says nothing about the value.
func decode(raw string) (string, error) {
	text := raw
	if mark, ok := strings.CutPrefix(raw, "\xff\xfe"); ok {
		text = fromUTF16(mark)
	} else if mark, ok := strings.CutPrefix(raw, "\xef\xbb\xbf"); ok {
		text = mark
	} else if looksUTF16(raw) {
		text = fromUTF16(raw)
	}
	text = strings.TrimRight(text, lineEnds)
	if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return "", errNotText
	}
	return text, nil
}

func looksUTF16(raw string) bool {
	zero := 0
	for i := 1; i < len(raw); i += 2 {
		if raw[i] == 0 {
			zero++
		}
	}
	return len(raw)%2 == 0 && zero > len(raw)/4
}

// fromUTF16 returns the UTF-8 form, or something invalid if raw is.
func fromUTF16(raw string) string {
	const invalid = "\xff"
	if len(raw)%2 != 0 {
		return invalid
	}
	units := make([]uint16, 0, len(raw)/2)
	for b := []byte(raw); len(b) > 0; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	runes := utf16.Decode(units)
	for _, r := range runes {
		if r == utf8.RuneError { // a lone surrogate
			return invalid
		}
	}
	return strings.TrimSuffix(string(runes), "\x00")
}
