package segment

import (
	"net/http"
	"strings"

	"rapport/internal/event"
)

// route is what an address means.
type route struct {
	method string
	serve  func(*Door, http.ResponseWriter, *http.Request, route)
	typ    event.Type // the one the path names
	batch  bool
	client bool   // only browsers and apps call it
	query  bool   // the write key may be in the query
	rest   string // the part of the path that names a key or a method
}

// routeOf reads a path. What it does not know has no serve.
func routeOf(path string) route {
	switch path {
	case "/v1/batch", "/v1/import", "/v1/import/":
		return route{method: http.MethodPost, serve: (*Door).track, batch: true}
	case "/v1/b":
		return route{method: http.MethodPost, serve: (*Door).track, batch: true, client: true}
	case "/beacon/v1/batch":
		return route{method: http.MethodPost, serve: (*Door).track, batch: true, client: true, query: true}
	case "/v1/m", "/rsaMetrics", "/v1/rsaMetrics":
		return route{method: http.MethodPost, serve: (*Door).drop}
	case "/sourceConfig", "/sourceConfig/":
		return route{method: http.MethodGet, serve: (*Door).sourceConfig}
	case "/cluster-info":
		return route{method: http.MethodGet, serve: (*Door).clusterInfo}
	case "/token":
		return route{method: http.MethodPost, serve: (*Door).token}
	}
	name, v1 := strings.CutPrefix(path, "/v1/")
	if v1 {
		if typ := event.TypeOf(name); typ != 0 && name != "" {
			return route{method: http.MethodPost, serve: (*Door).track, typ: typ}
		}
		if typ := letter(name); typ != 0 {
			return route{method: http.MethodPost, serve: (*Door).track, typ: typ, client: true}
		}
		if method, ok := strings.CutPrefix(name, "pixel/"); ok {
			return route{method: http.MethodGet, serve: (*Door).pixel, typ: event.TypeOf(method), rest: method}
		}
	}
	for _, prefix := range [...]string{"/v1/projects/", "/projects/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			if key, ok := strings.CutSuffix(rest, "/settings"); ok && key != "" && !strings.Contains(key, "/") {
				return route{method: http.MethodGet, serve: (*Door).settings, rest: key}
			}
		}
	}
	for _, prefix := range [...]string{"/analytics.js/", "/analytics-next/", "/next-integrations/"} {
		if strings.HasPrefix(path, prefix) {
			return route{method: http.MethodGet, serve: (*Door).bundle}
		}
	}
	return route{}
}

// letter is the type that analytics-next means by the first letter of its name.
func letter(name string) event.Type {
	switch name {
	case "t":
		return event.Track
	case "i":
		return event.Identify
	case "p":
		return event.Page
	case "s":
		return event.Screen
	case "g":
		return event.Group
	case "a":
		return event.Alias
	}
	return 0
}
