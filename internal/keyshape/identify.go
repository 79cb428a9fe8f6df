package keyshape

import "strconv"

// identify says what a value is that nothing is wrapped around.
func (l *looker) identify(v string) Shape {
	var s Shape
	if v == "" {
		return s
	}
	s.Sample = isSample(v)
	if k := find(v); k != nil {
		l.kind = k
		s.Provider, s.Kind, s.Use, s.Mode, s.Prefix, s.Shared = k.provider, k.name, k.use, k.mode, k.prefix, k.shared
		if k.sum != nil && !s.Sample {
			s.Checksum = k.sum(v[len(k.prefix):])
		}
		return s
	}
	token, declared, use, damage := readToken(v)
	if token.OK || token.Encrypted {
		s.Token, s.Kind, s.Use = token, declared, use
	}
	if s.Damage = damage; s.Kind != "" || damage.Cause != "" {
		return s
	}
	switch {
	case isUUID(v):
		s.Kind = "UUID"
	case len(v) >= 16 && len(v) <= 128 && all(v, hex):
		s.Kind = "hexadecimal number of " + strconv.Itoa(len(v)) + " digits"
	}
	return s
}

func isUUID(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		switch i {
		case 8, 13, 18, 23:
			if v[i] != '-' {
				return false
			}
		default:
			if !hex(v[i]) {
				return false
			}
		}
	}
	return true
}

// isSample looks for a word of seven letters that no key holds by chance.
func isSample(v string) bool {
	const word = "example"
	for i := 0; i+len(word) <= len(v); i++ {
		if v[i]|0x20 == 'e' && hasPrefixFold(v[i:], word) {
			return true
		}
	}
	return false
}
