package embedded

import (
	"bytes"
	"testing"
)

// FuzzJournal feeds the decoder of the journal of redactions with anything.
func FuzzJournal(f *testing.F) {
	f.Add(encodeJournal(nil))
	f.Add(encodeJournal([]patch{{36, []byte("abc")}, {1 << 40, nil}}))
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		patches, err := decodeJournal(b)
		if err == nil && !bytes.Equal(encodeJournal(patches), b) {
			t.Errorf("%x was written as %x", b, encodeJournal(patches))
		}
	})
}
