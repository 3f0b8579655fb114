package evergage

import (
	"net/http"
	"net/url"
	"strings"
)

// route is what an address means.
type route struct {
	methods string
	serve   func(*Door, http.ResponseWriter, *http.Request, route)
	dataset string // or the id of an app source, or a connector
	rest    string // receiver, user or object that the path names
	trusted bool   // needs a secret key
}

func (to route) takes(method string) bool {
	for m := range strings.SplitSeq(to.methods, ", ") {
		if m == method {
			return true
		}
	}
	return false
}

// TrackingPatterns are the paths that take events from anybody, in the syntax
// of http.ServeMux.
func TrackingPatterns() []string {
	return []string{"/api2/event/", "/api2/authevent/", "/twreceiver", "/msreceiver", "/pr", "/er", "/web/events/"}
}

// KeyPatterns are the paths that only secret keys may use.
func KeyPatterns() []string { return []string{"/api/dataset/", "/api/v1/ingest/"} }

const (
	get  = "GET"
	post = "POST"
	both = "GET, POST"
)

// routeOf reads an escaped path. What it does not know has no serve.
func routeOf(path string) route {
	switch path {
	case "/twreceiver", "/msreceiver", "/pr", "/er":
		return route{methods: both, serve: (*Door).receiver, rest: path[1:]}
	}
	part := func(s string) string {
		if u, err := url.PathUnescape(s); err == nil {
			return u
		}
		return ""
	}
	if rest, ok := strings.CutPrefix(path, "/api2/event/"); ok && single(rest) {
		return route{methods: both, serve: (*Door).event, dataset: part(rest)}
	}
	if rest, ok := strings.CutPrefix(path, "/api2/authevent/"); ok && single(rest) {
		return route{methods: post, serve: (*Door).event, dataset: part(rest), trusted: true}
	}
	if rest, ok := strings.CutPrefix(path, "/web/events/"); ok && single(strings.TrimSuffix(rest, "/")) {
		return route{methods: post, serve: (*Door).webEvents, dataset: part(strings.TrimSuffix(rest, "/"))}
	}
	if rest, ok := strings.CutPrefix(path, "/api/v1/ingest/jobs"); ok {
		return bulkRoute(strings.TrimSuffix(rest, "/"))
	}
	if rest, ok := strings.CutPrefix(path, "/api/v1/ingest/sources/"); ok {
		return rowsRoute(strings.Split(rest, "/"), part)
	}
	if rest, ok := strings.CutPrefix(path, "/api/dataset/"); ok {
		s := strings.Split(rest, "/")
		switch {
		case len(s) == 3 && s[1] == "user" && s[2] != "":
			return route{methods: get, serve: (*Door).exportUser, dataset: part(s[0]), rest: part(s[2])}
		case len(s) == 3 && s[1] == "users" && s[2] == "delete":
			return route{methods: post, serve: (*Door).deleteUsers, dataset: part(s[0])}
		case len(s) == 2 && s[1] == "users.json":
			return route{methods: get, serve: (*Door).listUsers, dataset: part(s[0])}
		}
	}
	return route{}
}

// rowsRoute reads what comes behind the address of the streaming ingestion.
func rowsRoute(s []string, part func(string) string) route {
	switch {
	case len(s) == 2 && s[0] != "" && s[1] != "":
		return route{methods: post, serve: (*Door).ingest, dataset: part(s[0]), rest: part(s[1])}
	case len(s) == 4 && s[2] == "actions" && s[3] == "test":
		return route{methods: post, serve: (*Door).tryIngest, dataset: part(s[0]), rest: part(s[1])}
	}
	return route{}
}

// bulkRoute reads what comes behind the address of the bulk jobs.
func bulkRoute(rest string) route {
	s := strings.Split(rest, "/")
	switch {
	case s[0] != "":
	case len(s) == 1:
		return route{methods: both, serve: (*Door).bulkJobs}
	case len(s) == 2:
		return route{methods: "GET, PATCH, DELETE", serve: (*Door).oneBulk, rest: s[1]}
	case len(s) == 3 && s[2] == "batches":
		return route{methods: "PUT", serve: (*Door).bulkBatch, rest: s[1]}
	}
	return route{}
}

func single(s string) bool { return s != "" && !strings.Contains(s, "/") }
