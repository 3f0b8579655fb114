package pipeline

import (
	"encoding/binary"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plain is a text in small letters without marks on them: who looks for somebody
// does not always know how they write themselves.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(strings.ToLower(s)))
}

// folding makes one text after the other plain in the same memory: a search does it
// for everybody's.
type folding struct{ room []byte }

// plain is a text made plain, good until the next is.
func (f *folding) plain(s string) []byte {
	if text, ok := f.small(s); ok {
		return text
	}
	common := commonLetters()
	f.room = f.room[:0]
	for _, r := range s {
		if int(r) >= len(common) || common[r] == severalLetters {
			return []byte(plain(s))
		}
		if common[r] != noLetter {
			f.room = utf8.AppendRune(f.room, common[r])
		}
	}
	return f.room
}

// small is a text in small letters, made eight bytes at a time; false where some are
// not ASCII.
func (f *folding) small(s string) ([]byte, bool) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	f.room = append(append(f.room[:0], s...), 0, 0, 0, 0, 0, 0, 0)
	room := f.room
	for at := 0; at < len(s); at += 8 {
		x := binary.LittleEndian.Uint64(room[at:])
		if x&high != 0 {
			return nil, false
		}
		capital := (x + ones*(0x80-'A')) &^ (x + ones*(0x80-'Z'-1)) & high // the top bit of each byte that is one
		binary.LittleEndian.PutUint64(room[at:], x|capital>>2)
	}
	return room[:len(s)], true
}

// What commonLetters says beside a letter.
const (
	noLetter       = -1 // a mark
	severalLetters = -2
)

// commonLetters are the plain forms of letters up to Hebrew's: those of which most
// names are.
var commonLetters = sync.OnceValue(func() *[0x600]rune {
	var all [0x600]rune
	for i := range all {
		switch p := []rune(plain(string(rune(i)))); len(p) {
		case 0:
			all[i] = noLetter
		case 1:
			all[i] = p[0]
		default:
			all[i] = severalLetters
		}
	}
	return &all
})
