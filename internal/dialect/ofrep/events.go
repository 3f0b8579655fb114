package ofrep

import (
	"fmt"
	"net/http"
	"time"

	"rapport/internal/dialect"
)

// writeWithin is how long a client that does not read is waited for.
const writeWithin = 10 * time.Second

// events tells a client, as server-sent events, when to ask again.
func (d *Door) events(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if key == "" {
		key = dialect.Key(r)
	}
	if d.caller(w, r, key) == nil {
		return
	}
	sign, err := d.Assign.Sign(r.Context())
	if err != nil {
		d.failed(w, "", err)
		return
	}
	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	say := func(format string, args ...any) bool {
		// That of the server is for the whole answer. Where it cannot be set, the
		// client comes again.
		_ = out.SetWriteDeadline(time.Now().Add(writeWithin))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && out.Flush() == nil
	}
	if !say(": listening\n\n") {
		return
	}
	every := time.NewTicker(d.Every)
	defer every.Stop()
	const alive = 20 // rounds between two signs of life
	for round := 1; ; round++ {
		select {
		case <-r.Context().Done():
			return
		case <-d.Stop:
			return
		case <-every.C:
		}
		now, err := d.Assign.Sign(r.Context())
		switch {
		case err != nil:
			return
		case now != sign:
			sign = now
			if !say("id: %x\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"\\\"%x\\\"\"}\n\n", now, now) {
				return
			}
		case round%alive == 0:
			if !say(": alive\n\n") {
				return
			}
		}
	}
}
