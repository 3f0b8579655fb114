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
		notReady(why + "; send the request again in a second").write(w)
	})
}

func notReady(why string) *Problem {
	p := newProblem(http.StatusServiceUnavailable, "not_ready", why)
	p.header = http.Header{"Retry-After": {"1"}}
	return p
}

// Refuse answers a request that no route was asked for with an error.
func Refuse(w http.ResponseWriter, err error) { problemOf(err).write(w) }

// Standby answers what is asked of a node itself while another holds the data,
// and hands everything else on: /healthz, /readyz with the node's role, and
// /metrics.
func Standby(ready func() error, role func() string, metrics, other http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", Starting(ready))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { tellReady(w, ready, role) })
	mux.Handle("GET /metrics", metrics)
	mux.Handle("/", other)
	return mux
}

// tellReady answers whether the instance serves, and which part a node has.
func tellReady(w http.ResponseWriter, ready func() error, role func() string) {
	if err := ready(); err != nil {
		notReady(err.Error()).write(w)
		return
	}
	text := "ready\n"
	if role != nil {
		if r := role(); r != "" {
			text += r + "\n"
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte(text)) //nolint:errcheck // the client is gone
}
