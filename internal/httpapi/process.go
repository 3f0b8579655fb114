package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// processRoutes are those about the instance itself; they need no key.
func (a *API) processRoutes() {
	a.plain("health", "/healthz", "200 while the process answers", "text/plain", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("ok\n")) //nolint:errcheck // the client is gone
	})
	a.plain("ready", "/readyz", "200 once the instance serves, on several nodes with the role of this one in the second line; 503 with the reason before", "text/plain", func(w http.ResponseWriter, _ *http.Request) {
		tellReady(w, a.Ready, a.Role)
	})
	a.plain("metrics", "/metrics", "Metrics in Prometheus's text form", "text/plain", a.Metrics.Handler().ServeHTTP)
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.OpenAPI()) })
	a.plain("openapi", documentPath, "This document", "application/json", func(w http.ResponseWriter, _ *http.Request) {
		b, err := document()
		if err != nil {
			a.Log.Error("openapi document cannot be written", "error", err)
			problemOf(err).write(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(b) //nolint:errcheck // the client is gone
	})
}

// plain adds a route that huma does not serve, and documents it.
func (a *API) plain(id, path, summary, contentType string, handler http.HandlerFunc) {
	recorder{a}.HandleFunc("GET "+path, handler)
	schema := &huma.Schema{Type: "string"}
	if strings.HasSuffix(contentType, "json") {
		schema = &huma.Schema{Type: "object"}
	}
	a.OpenAPI().AddOperation(&huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"process"},
		Responses: map[string]*huma.Response{
			"200":     {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: schema}}},
			"default": problemResponse(a.OpenAPI().Components.Schemas),
		},
	})
}
