package seal

import (
	"bytes"
	"testing"
)

// FuzzPadding feeds what takes padding off with anything.
func FuzzPadding(f *testing.F) {
	f.Add([]byte("text"), uint16(1))
	f.Add([]byte{}, uint16(254))
	f.Add([]byte("x"), uint16(255))
	f.Add([]byte("x"), uint16(60_000))
	f.Fuzz(func(t *testing.T, text []byte, n uint16) {
		if n > 0 {
			padded := appendPad(bytes.Clone(text), int(n))
			if got, err := Unpad(padded, 0); err != nil || !bytes.Equal(got, text) || len(padded) != len(text)+int(n) {
				t.Errorf("%q with %d of padding came back as %q, %v", text, n, got, err)
			}
		}
		if got, err := Unpad(text, 0); err == nil && len(got) >= len(text) {
			t.Error("nothing was taken off")
		}
	})
}
