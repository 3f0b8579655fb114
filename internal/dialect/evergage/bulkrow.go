package evergage

import (
	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

// appendRow writes a row of a CSV as the JSON that the streaming ingestion takes.
func appendRow(out []byte, row *tablefile.Row) []byte {
	w := writer{b: append(out, '{')}
	for i, name := range row.Columns {
		w.key(name)
		if i >= len(row.Cells) || len(row.Cells[i].Text) == 0 {
			w.b = append(w.b, "null"...) // as documented: an empty cell is null
			continue
		}
		text := row.Cells[i].Text
		if !identifies(name) && literal(text) {
			w.b = append(w.b, text...)
		} else {
			w.b = jsondoc.AppendString(w.b, string(text))
		}
	}
	return append(w.b, '}')
}

// maxDigits is how many digits every reader of numbers keeps.
const maxDigits = 15

// literal tells that a cell stands for a number, true or false. Data Cloud takes
// the type from the schema of the connector; here a cell is what it is written
// as, where nothing gets lost by that: 007, 1e5, +43 and long runs of digits are
// texts.
func literal(text []byte) bool {
	if string(text) == "true" || string(text) == "false" {
		return true
	}
	if text[0] == '-' {
		text = text[1:]
	}
	whole, digits := 0, 0
	dotted := false
	for i, b := range text {
		switch {
		case b >= '0' && b <= '9':
			digits++
			if !dotted {
				whole++
			}
		case b == '.' && !dotted && i > 0 && i < len(text)-1:
			dotted = true
		default:
			return false
		}
	}
	return whole > 0 && digits <= maxDigits && (whole == 1 || text[0] != '0')
}
