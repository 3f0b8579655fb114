package httpapi

import (
	"net/http"
)

// Starting answers while an instance is not open yet: it is alive, not ready,
// and asks everybody to come again.
func Starting(ready func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Write([]byte("ok\n")) //nolint:errcheck // the client is gone
			return
		}
		why := "starting"
		if err := ready(); err != nil {
			why = err.Error()
		}
		w.Header().Set(requestIDHeader, "starting")
		p := newProblem(http.StatusServiceUnavailable, "not_ready", why+"; send the request again in a second")
		p.header = http.Header{"Retry-After": {"1"}}
		p.write(w)
	})
}
