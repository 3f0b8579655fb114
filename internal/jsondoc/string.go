package jsondoc

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = 0x2222222222222222
	slants = 0x5c5c5c5c5c5c5c5c
)

// special marks in eight bytes those that are a quote, a backslash, below a
// space or beyond ASCII. Only the lowest mark is exact.
func special(w uint64) uint64 {
	q, s := w^quotes, w^slants
	return ((q-ones)&^q | (s-ones)&^s | (w-ones*' ')&^w | w) & highs
}

// str reads a string or key at its opening quote.
func (p *parser) str() error { //nolint:gocognit // every byte that arrives passes here; a call for each piece would cost
	raw, start := p.raw, p.pos
	i := start + 1
	var flags word
	wide := false
	for {
		for len(raw)-i >= 8 {
			m := special(binary.LittleEndian.Uint64(raw[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if uint(i) >= uint(len(raw)) {
			p.pos = start
			return p.fail("string without an end")
		}
		switch c := raw[i]; {
		case c == '"':
			p.pos = i + 1
			p.tape = append(p.tape, wordOf(String, start, i+1)|flags)
			if wide || i-start > p.limits.StringBytes {
				p.checkString(start, i, wide)
			}
			return nil
		case c == '\\':
			flags = escapedFlag
			n, err := p.escape(i)
			if err != nil {
				return err
			}
			i += n
		case c < ' ':
			if c == 0 {
				p.flaw(NulCharacter, i, "NUL character in a string")
			} else {
				p.flaw(ControlCharacter, i, "control character in a string must be escaped")
			}
			i++
		default:
			wide = wide || c >= utf8.RuneSelf
			i++
		}
	}
}

func (p *parser) checkString(start, end int, wide bool) {
	text := p.raw[start+1 : end]
	if len(text) > p.limits.StringBytes {
		p.flaw(StringTooLong, start, "string longer than "+strconv.Itoa(p.limits.StringBytes)+" bytes")
	}
	if wide && !utf8.Valid(text) {
		at := 0
		for at < len(text) {
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		p.flaw(InvalidUTF8, start+1+at, "string is not UTF-8")
	}
}

// escape checks the escape at i and gives how many bytes it takes; a pair of
// surrogates is one.
func (p *parser) escape(i int) (int, error) {
	raw := p.raw
	if i+1 >= len(raw) {
		p.pos = i
		return 0, p.fail("string without an end")
	}
	switch raw[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		r := hex4(raw[i+2:])
		if r < 0 {
			break
		}
		if r == 0 {
			p.flaw(NulCharacter, i, "NUL character in a string")
		}
		if !utf16.IsSurrogate(r) {
			return 6, nil
		}
		if low := lowHalf(raw[i+6:]); utf16.DecodeRune(r, low) != utf8.RuneError {
			return 12, nil
		}
		p.flaw(LoneSurrogate, i, "half of a surrogate pair in a string")
		return 6, nil
	}
	p.pos = i
	return 0, p.fail("unknown escape in a string")
}

// hex4 reads four hexadecimal digits, -1 where there are none.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// lowHalf reads an escaped code unit, -1 where none follows.
func lowHalf(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	return hex4(b[2:])
}

// appendUnescaped appends what a string says, given the bytes between its
// quotes. What is no text becomes U+FFFD.
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == '\\' && i+1 < len(b):
			var n int
			dst, n = appendEscaped(dst, b[i:])
			i += n
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst
}

func appendEscaped(dst, b []byte) ([]byte, int) {
	switch b[1] {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r := hex4(b[2:])
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, lowHalf(b[6:])); pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), 12
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(dst, r), 6
	}
	return append(dst, b[1]), 2
}
