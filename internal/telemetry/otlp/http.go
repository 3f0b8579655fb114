package otlp

import (
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"

	"rapport/internal/trace"
)

// Handler makes a span of each request, below that of whoever sends it. Of the
// request it says the method and the route, and what was answered; never an
// address, a parameter, a header or a key.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics": // asked every few seconds, for nobody's sake
			next.ServeHTTP(w, r)
			return
		}
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		_, s := t.tracer.Start(ctx, "request", otel.WithSpanKind(otel.SpanKindServer))
		if !s.IsRecording() {
			next.ServeHTTP(w, r)
			return
		}
		inside, _ := trace.With(r.Context(), &span{t.tracer, s})
		seen := r.WithContext(inside) // the routers note the route in it
		out := &answer{ResponseWriter: w}
		defer func() {
			out.status = max(out.status, http.StatusOK)
			method := known(r.Method)
			s.SetName(method + " " + route(seen.Pattern))
			s.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route(seen.Pattern)),
				attribute.Int("http.response.status_code", out.status))
			if out.status >= http.StatusInternalServerError {
				s.SetStatus(codes.Error, "")
			}
			s.End()
		}()
		next.ServeHTTP(out, seen)
	})
}

// route is the path of a pattern.
func route(pattern string) string {
	if _, path, found := strings.Cut(pattern, " "); found {
		return path
	}
	if pattern == "" {
		return "none"
	}
	return pattern
}

// known is a method by its name; others may be anything.
func known(method string) string {
	if slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		return method
	}
	return "_OTHER"
}

// answer notes the status.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes it.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
