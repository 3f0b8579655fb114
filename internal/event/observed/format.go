package observed

import "bytes"

// The formats of texts, as Formats counts them.
const (
	formatTime = iota
	formatEmail
	formatUUID
	formatURI
)

// formatNames are the formats as JSON Schema calls them.
var formatNames = [...]string{"date-time", "email", "uuid", "uri"}

// formatOf tells what a text looks like; -1: like nothing special.
func formatOf(b []byte) int {
	switch {
	case len(b) >= 20 && len(b) <= 35 && b[4] == '-' && b[7] == '-' && (b[10] == 'T' || b[10] == ' ') && b[13] == ':':
		return formatTime
	case len(b) == 36 && b[8] == '-' && b[13] == '-' && b[18] == '-' && b[23] == '-':
		return formatUUID
	case bytes.HasPrefix(b, []byte("http://")), bytes.HasPrefix(b, []byte("https://")):
		return formatURI
	}
	at := bytes.IndexByte(b, '@')
	if at > 0 && at < len(b)-3 && bytes.IndexByte(b[at:], '.') > 1 && bytes.IndexByte(b, ' ') < 0 {
		return formatEmail
	}
	return -1
}
