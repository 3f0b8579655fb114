package files

import (
	"net/http"
	"time"
)

// Sign signs a request.
func Sign(c *S3, q *http.Request, body []byte, now time.Time) { c.sign(q, body, now) }

// EscapePath escapes a key.
func EscapePath(key string) string { return escapePath(key) }

// Ledger is what is remembered on disk.
type Ledger = ledger

// OpenLedger reads a ledger.
func OpenLedger(path string) (*Ledger, error) { return openLedger(path) }

// Write notes a file and that it is there.
func (l *ledger) Write(name string, ids []string) error {
	if err := l.intend(name, ids); err != nil {
		return err
	}
	return l.done()
}

// Has tells whether a message is known, and how many are.
func (l *ledger) Has(id string) (bool, int) { return l.has(id), len(l.order) }

// End closes the ledger.
func (l *ledger) End() error { return l.close() }

// Normal is a value as a platform has it in its file.
func Normal(platform, name, text string) string {
	for _, f := range platforms[platform] {
		if f.of != name {
			continue
		}
		out := f.normal(text)
		if out != "" && !f.plain {
			out = sha(out)
		}
		return out
	}
	return ""
}
