package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/schedule"
	"rapport/internal/tablefile"
)

// How long an upload may take, and how much of a mapping is read.
const (
	uploadPatience = 2 * time.Hour
	maxMapping     = 4 << 20
	sampleRows     = 1_000
	sampleBytes    = 64 << 20 // of an upload that is only looked at
)

// Patterns are the routes that Handler serves.
func Patterns() []string {
	return []string{
		"POST /api/v1/imports", "GET /api/v1/imports", "GET /api/v1/imports/{id}", "GET /api/v1/imports/{id}/report",
		"POST /api/v1/imports/suggest", "PUT /api/v1/import-mappings/{key}", "GET /api/v1/import-mappings/{key}",
	}
}

// call is a request of somebody we know.
type call struct {
	*http.Request
	out    http.ResponseWriter
	author string
}

// Handler serves the routes.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	at := func(pattern, scope string, do func(*call) (int, any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, scope, do) })
	}
	at("POST /api/v1/imports", access.ScopeWrite, d.create)
	at("GET /api/v1/imports", access.ScopeRead, d.list)
	at("GET /api/v1/imports/{id}", access.ScopeRead, d.get)
	at("GET /api/v1/imports/{id}/report", access.ScopeRead, d.download)
	at("POST /api/v1/imports/suggest", access.ScopeWrite, d.suggest)
	at("PUT /api/v1/import-mappings/{key}", access.ScopeWrite, d.putMapping)
	at("GET /api/v1/import-mappings/{key}", access.ScopeRead, d.getMapping)
	return mux
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request, scope string, do func(*call) (int, any, error)) {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	secret := d.Access.Index().Secret(strings.TrimSpace(key))
	var status int
	var out any
	var err error
	switch {
	case secret == nil:
		w.Header().Set("WWW-Authenticate", `Bearer realm="rapport"`)
		err = fault.Errorf(fault.Unauthenticated, "unauthenticated", "the request has no valid secret key; send Authorization: Bearer and the key")
	case !secret.May(scope):
		err = fault.Errorf(fault.Forbidden, "missing_scope", "the key may not do this: it lacks the scope %s", scope)
	default:
		status, out, err = do(&call{r, w, secret.ID})
	}
	if err != nil {
		answerProblem(w, err)
		return
	}
	if out == nil {
		return // it is written
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // a client that is gone
}

// statuses are those of the kinds of failure.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusUnprocessableEntity, fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Gone: http.StatusGone, fault.Conflict: http.StatusConflict, fault.Precondition: http.StatusPreconditionFailed,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.Limited: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// answerProblem answers with a problem by RFC 9457.
func answerProblem(w http.ResponseWriter, err error) {
	status, code, detail, field := http.StatusInternalServerError, "internal", "something went wrong here; it is not your request", ""
	if f := new(fault.Fault); errors.As(err, &f) && f.Kind != fault.Internal {
		status, code, detail, field = statuses[f.Kind], f.Code, f.Message, f.Field
	}
	problem := map[string]any{"type": "urn:rapport:problem:" + code, "title": http.StatusText(status), "status": status, "code": code, "detail": detail}
	if field != "" {
		problem["field"] = field
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem) // a client that is gone
}

// create takes a file and begins to import it.
func (d *Door) create(c *call) (int, any, error) {
	a, err := d.asked(c)
	if err != nil {
		return 0, nil, err
	}
	_ = http.NewResponseController(c.out).SetReadDeadline(d.Now().Add(uploadPatience)) // else the usual one holds
	d.tidy(a.Created)
	table := d.file(a.ID, ".table")
	if a.Size, err = store(table, c.Body); err == nil {
		err = d.settle(c.Context(), &a, c.URL.Query().Get("kind"))
	}
	if err == nil {
		err = d.keep(a)
	}
	if err != nil {
		_ = os.Remove(table)
		return 0, nil, err
	}
	job, err := d.Jobs.Submit(c.Context(), schedule.Request{Kind: Job, Subject: a.ID, Author: a.Author, Params: params{a.ID}})
	if err != nil {
		return 0, nil, err
	}
	a.Job = job.ID
	if err := d.keep(a); err != nil {
		return 0, nil, err
	}
	c.out.Header().Set("Location", "/api/v1/imports/"+a.ID)
	return http.StatusAccepted, shown(a, job, d.Now()), nil
}

// asked reads what a request says beside the file.
func (d *Door) asked(c *call) (a announced, err error) {
	q := c.URL.Query()
	a = announced{ID: d.NewID(), Name: path.Base(q.Get("name")), Created: d.Now.Now(), Author: c.author, Source: q.Get("source"), MappingKey: q.Get("mapping")}
	if a.Source == "" {
		a.Source = access.DefaultSource
	}
	s := d.Access.Index().Source(a.Source)
	switch {
	case s == nil:
		return a, fault.Errorf(fault.Invalid, "unknown_source", "there is no source %.80q; GET /api/v1/sources lists them", a.Source).At("source")
	case s.Disabled:
		return a, fault.Errorf(fault.Conflict, "source_disabled", "the source %q is disabled; enable it or name another", a.Source).At("source")
	case q.Has("name") && len(a.Name) > 200:
		return a, fault.Errorf(fault.Invalid, "invalid_name", "the name has more than 200 bytes").At("name")
	case q.Has("kind") && !feed.Kind(q.Get("kind")).Known():
		return a, fault.Errorf(fault.Invalid, "unknown_kind", "%.40q is no kind of feed; use one of %v", q.Get("kind"), feed.Kinds()).At("kind")
	case q.Has("historical") && q.Get("historical") != "true" && q.Get("historical") != "false":
		return a, fault.Errorf(fault.Invalid, "invalid_historical", "historical is true or false").At("historical")
	}
	a.Historical = s.Historical || q.Get("historical") == "true"
	return a, nil
}

// settle finds the mapping: the one that is named, else the one that the file
// suggests.
func (d *Door) settle(ctx context.Context, a *announced, kind string) error {
	if a.MappingKey != "" {
		v := d.Documents.Definitions().Get(definition.ImportMapping, a.MappingKey).Live()
		if v == nil {
			return fault.Errorf(fault.NotFound, "mapping_not_found", "there is no live mapping %.80q: PUT /api/v1/import-mappings/%.80s makes one", a.MappingKey, a.MappingKey).At("mapping")
		}
		doc, err := d.Documents.Definition(ctx, v.Kind, v.Key, v.Version)
		a.Mapping, a.Version = doc.Document, v.Version
		return err
	}
	f, err := os.Open(d.file(a.ID, ".table"))
	if err != nil {
		return fmt.Errorf("open an upload: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	looked, err := look(f, a.Size, a.Name, kind, tablefile.Options{})
	if err != nil {
		return err
	}
	if err := looked.Mapping.Check(); err != nil {
		return fault.Errorf(fault.Invalid, "no_mapping", "the file does not say what its columns are: name its kind, or make a mapping and name it: %v", err).At("mapping")
	}
	a.Mapping, err = looked.Mapping.Encode()
	return err
}

// store writes a body beside the data, as it comes.
func store(name string, body io.Reader) (size int64, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("keep an upload: %w", err)
	}
	size, err = io.Copy(f, body)
	if err != nil {
		err = fault.Errorf(fault.Unavailable, "body_incomplete", "the file could not be taken whole; send it again: %w", err)
	} else if err = f.Sync(); err != nil {
		err = fault.Errorf(fault.Unavailable, "disk_full", "the file could not be kept; send it again later: %w", err)
	}
	return size, errors.Join(err, f.Close())
}

func (d *Door) list(c *call) (int, any, error) {
	items := []View{}
	for _, a := range d.all() {
		v, err := d.view(c.Context(), a)
		if err != nil {
			return 0, nil, err
		}
		items = append(items, v)
	}
	return http.StatusOK, map[string]any{"items": items}, nil
}

func (d *Door) get(c *call) (int, any, error) {
	a, err := d.announced(c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	v, err := d.view(c.Context(), a)
	return http.StatusOK, v, err
}

// download gives the report: a CSV of the rows that were not simply taken.
func (d *Door) download(c *call) (int, any, error) {
	a, err := d.announced(c.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	if _, err := os.Stat(d.file(a.ID, ".csv")); err != nil {
		return 0, nil, fault.Errorf(fault.NotFound, "no_report", "the import has not begun; ask for the report a moment later")
	}
	c.out.Header().Set("Content-Type", "text/csv; charset=utf-8")
	c.out.Header().Set("Content-Disposition", `attachment; filename="import-`+a.ID+`.csv"`)
	http.ServeFile(c.out, c.Request, d.file(a.ID, ".csv"))
	return 0, nil, nil
}
