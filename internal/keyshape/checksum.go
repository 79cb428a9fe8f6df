package keyshape

import (
	"hash/crc32"
	"strings"
)

// githubSum: the last six characters are the CRC-32 of the others behind the
// prefix, in base 62 with leading zeros. Tokens of the first length only: what
// longer ones are made of is not documented.
//
// https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
func githubSum(body string) Checksum {
	const random, digits = 30, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if len(body) != random+6 || !all(body, alphanumeric) {
		return NoChecksum
	}
	sum := sum32(body[:random])
	for i := len(body) - 1; i >= random; i-- {
		if body[i] != digits[sum%62] {
			return WrongChecksum
		}
		sum /= 62
	}
	return RightChecksum
}

// grafanaSum: the last of three parts is the CRC-32 of the others, bytes in
// little-endian order, in hexadecimal.
//
// https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/tokengen.go
func grafanaSum(body string) Checksum {
	random, sum, ok := strings.Cut(body, "_")
	if !ok || len(sum) != 8 || !all(random, alphanumeric) || !all(sum, lowerHex) {
		return NoChecksum
	}
	const digits = "0123456789abcdef"
	want := sum32("glsa_" + random)
	for i := 0; i < len(sum); i += 2 {
		if sum[i] != digits[want>>4&15] || sum[i+1] != digits[want&15] {
			return WrongChecksum
		}
		want >>= 8
	}
	return RightChecksum
}

func sum32(s string) uint32 {
	var buf [64]byte
	return crc32.ChecksumIEEE(append(buf[:0], s...))
}
