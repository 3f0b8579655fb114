package httpapi

import (
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/telemetry"
)

// Outer is what every request passes first, in whatever dialect: it gives the
// request an id, counts it and turns a panic into an internal error.
func Outer(next http.Handler, m *telemetry.Metrics, log *slog.Logger, entropy io.Reader) http.Handler {
	var seed [6]byte
	io.ReadFull(entropy, seed[:]) //nolint:errcheck // ids tell requests apart; they are no secret
	return &outer{next: next, metrics: m, log: log, seed: hex.EncodeToString(seed[:]) + "-"}
}

type outer struct {
	next    http.Handler
	metrics *telemetry.Metrics
	log     *slog.Logger
	seed    string // tells the ids of two processes apart
	count   atomic.Uint64
	routes  sync.Map // pattern to *telemetry.Route; as many as there are patterns
}

// ServeHTTP does it.
func (o *outer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	out := &answerWriter{ResponseWriter: w}
	w.Header()[requestIDHeader] = []string{o.requestID(r)}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the panic value is the error itself
				panic(p)
			}
			o.log.Error("request panicked", "method", r.Method, "route", r.Pattern,
				"request_id", out.Header().Get(requestIDHeader), "panic", p, "stack", string(debug.Stack()))
			if out.status == 0 {
				newProblem(http.StatusInternalServerError, "internal", internalDetail).write(out)
			}
		}
		took := time.Since(begin)
		o.route(r.Pattern).Done(max(out.status, http.StatusOK), took)
		if o.log.Enabled(r.Context(), slog.LevelDebug) {
			o.log.Debug("request", "method", r.Method, "route", r.Pattern, "status", out.status,
				"took", took, "request_id", out.Header().Get(requestIDHeader))
		}
	}()
	o.next.ServeHTTP(out, r)
}

// requestID takes over the client's id where it is a plain one.
func (o *outer) requestID(r *http.Request) string {
	if given := r.Header.Get(requestIDHeader); given != "" && plainID(given) {
		return given
	}
	return o.seed + strconv.FormatUint(o.count.Add(1), 36)
}

func plainID(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func (o *outer) route(pattern string) *telemetry.Route {
	if pattern == "" {
		pattern = "none"
	}
	if known, ok := o.routes.Load(pattern); ok {
		return known.(*telemetry.Route)
	}
	made, _ := o.routes.LoadOrStore(pattern, o.metrics.Route(pattern))
	return made.(*telemetry.Route)
}

// answerWriter notes the status.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
