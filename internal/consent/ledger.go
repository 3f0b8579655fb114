package consent

import (
	"bytes"
	"fmt"
)

// The ledger of erasures (docs/formats/erasures.md) is text: a head line, then
// for each erasure the subject and the time, and a sum in the last line.
const ledgerHead = "rapport erasures 1\n"

// AppendLedger writes erasures as a ledger.
func AppendLedger(b []byte, list []Erasure) []byte {
	b = append(b, ledgerHead...)
	for _, e := range list {
		b = fmt.Appendf(b, "%s %s\n", e.Subject, e.Time)
	}
	return fmt.Appendf(b, "%d erasures\n", len(list))
}

// ReadLedger reads what AppendLedger wrote. A ledger that is cut off or changed
// is an error: it must never forget somebody in silence.
func ReadLedger(b []byte) ([]Erasure, error) {
	rest, ok := bytes.CutPrefix(b, []byte(ledgerHead))
	if !ok {
		return nil, fmt.Errorf("ledger of erasures: it does not begin with %q", ledgerHead)
	}
	var out []Erasure
	for number := 2; ; number++ {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			return nil, fmt.Errorf("ledger of erasures: line %d is cut off: restore the file", number)
		}
		subject, at, ok := bytes.Cut(line, []byte(" "))
		if string(at) == "erasures" {
			if string(subject) != fmt.Sprint(len(out)) || len(after) > 0 {
				return nil, fmt.Errorf("ledger of erasures: line %d counts %.20q, there are %d: restore the file", number, subject, len(out))
			}
			return out, nil
		}
		var e Erasure
		if !ok || e.Subject.UnmarshalText(subject) != nil || e.Time.UnmarshalText(at) != nil {
			return nil, fmt.Errorf("ledger of erasures: line %d cannot be read: restore the file", number)
		}
		out, rest = append(out, e), after
	}
}
