package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
)

// Problem is every error's body, by RFC 9457. Detail says what is wrong, where
// and the mend; the cause of an internal error is in the log only, under the
// same request id.
type Problem struct { //nolint:errname // the name that RFC 9457 gives it
	Type      string       `json:"type" doc:"urn:rapport:problem: and the code"`
	Title     string       `json:"title" doc:"The status in words"`
	Status    int          `json:"status" doc:"The HTTP status"`
	Detail    string       `json:"detail" doc:"What is wrong, where, and the mend"`
	Code      string       `json:"code" doc:"Stable, snake_case; docs/reference/errors.md lists them"`
	Errors    []FieldError `json:"errors,omitempty" doc:"The fields that are to blame"`
	RequestID string       `json:"request_id" doc:"Also in the header X-Request-Id and in the log"`

	cause  error
	header http.Header
}

// FieldError is one field that is to blame.
type FieldError struct {
	Field   string `json:"field" doc:"JSON pointer into the body, or the parameter's name"`
	Message string `json:"message" doc:"What is wrong and the mend"`
	Line    int    `json:"line,omitempty" doc:"Of a document that is not JSON, counted from 1"`
	Column  int    `json:"column,omitempty"`
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders gives the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is that of problems.
func (p *Problem) ContentType(string) string { return problemType }

const (
	problemType = "application/problem+json"
	typePrefix  = "urn:rapport:problem:"
)

// answer is how one kind of fault is told over HTTP.
type answer struct {
	kind   fault.Kind
	status int
	code   string // where the fault has none
}

// answers is the one table from kinds of fault to statuses.
func answers() []answer {
	return []answer{
		{fault.Internal, http.StatusInternalServerError, "internal"},
		{fault.Invalid, http.StatusBadRequest, "invalid"},
		{fault.Unauthenticated, http.StatusUnauthorized, "unauthenticated"},
		{fault.Forbidden, http.StatusForbidden, "forbidden"},
		{fault.NotFound, http.StatusNotFound, "not_found"},
		{fault.Gone, http.StatusGone, "gone"},
		{fault.Conflict, http.StatusConflict, "conflict"},
		{fault.Precondition, http.StatusPreconditionFailed, "precondition"},
		{fault.TooLarge, http.StatusRequestEntityTooLarge, "too_large"},
		{fault.Limited, http.StatusTooManyRequests, "limited"},
		{fault.Unavailable, http.StatusServiceUnavailable, "unavailable"},
	}
}

func answerTo(kind fault.Kind) answer {
	for _, a := range answers() {
		if a.kind == kind {
			return a
		}
	}
	return answers()[0]
}

const internalDetail = "something went wrong here, not in your request: try again, and give the request id to whoever runs this instance"

// problemOf tells an error to the caller.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	f := fault.Of(err)
	if f == nil || f.Kind == fault.Internal {
		p := newProblem(http.StatusInternalServerError, "internal", internalDetail)
		p.cause = err
		return p
	}
	a := answerTo(f.Kind)
	p := newProblem(a.status, cmp.Or(f.Code, a.code), f.Message)
	p.cause = err
	if f.Field != "" {
		p.Errors = []FieldError{{Field: f.Field, Message: f.Message}}
	}
	switch f.Kind {
	case fault.Limited, fault.Unavailable:
		p.header = http.Header{"Retry-After": {strconv.Itoa(fault.RetryAfter(err))}}
	case fault.Unauthenticated:
		p.header = http.Header{"Www-Authenticate": {`Bearer realm="rapport"`}}
	}
	return p
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: typePrefix + code, Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// refusals are the errors that huma finds before a handler runs.
var refusals = map[int]struct{ code, detail string }{
	http.StatusBadRequest:            {"invalid_request", "the request cannot be read: see errors for what and where"},
	http.StatusUnprocessableEntity:   {"invalid_request", "the request does not fit the API: see errors for what and where"},
	http.StatusRequestEntityTooLarge: {"too_large", "the body is larger than this route takes: send less at once"},
	http.StatusUnsupportedMediaType:  {"unsupported_media_type", mediaMend},
	http.StatusRequestTimeout:        {"slow_body", "the body took too long to arrive: send it faster or in smaller parts"},
	http.StatusNotAcceptable:         {"not_acceptable", "answers are application/json: ask for that in Accept"},
}

const mediaMend = "the body must be JSON: send the header Content-Type: application/json"

// problemOfModel turns huma's own errors into ours. Values are left out: they
// may be a person's.
func problemOfModel(m *huma.ErrorModel) *Problem {
	r, ok := refusals[m.Status]
	if !ok {
		p := newProblem(http.StatusInternalServerError, "internal", internalDetail)
		p.cause = m
		return p
	}
	status := m.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	p := newProblem(status, r.code, r.detail)
	for _, e := range m.Errors {
		if e != nil {
			p.Errors = append(p.Errors, FieldError{Field: field(e.Location), Message: e.Message})
		}
	}
	if len(p.Errors) == 1 && status == http.StatusBadRequest {
		p.Detail = cmp.Or(p.Errors[0].Field, "the body") + ": " + p.Errors[0].Message
	}
	if len(m.Errors) == 0 && status == http.StatusBadRequest {
		p.Detail = m.Detail
	}
	return p
}

// field turns huma's body.items[3].tags and query.limit into a JSON pointer or
// the parameter's name.
func field(location string) string {
	for _, in := range []string{"query.", "path.", "header."} {
		if name, ok := strings.CutPrefix(location, in); ok {
			return name
		}
	}
	rest, ok := strings.CutPrefix(location, "body")
	if !ok {
		return location
	}
	return strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(rest)
}

// write sends the problem where huma is not involved.
func (p *Problem) write(w http.ResponseWriter) {
	p.RequestID = w.Header().Get(requestIDHeader)
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers only: cannot be
		body = []byte("{}")
	}
	h := w.Header()
	maps.Copy(h, p.header)
	h.Set("Content-Type", problemType)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n')) //nolint:errcheck // the client is gone
}
