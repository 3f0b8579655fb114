package httpapi

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

const (
	prefix          = "/api/v1/"
	documentPath    = prefix + "openapi.json"
	requestIDHeader = "X-Request-Id"
)

type principalKey struct{}

// principal is who the request comes from.
func principal(ctx context.Context) *access.Principal {
	p, _ := ctx.Value(principalKey{}).(*access.Principal)
	return p
}

// author is how a change is signed.
func author(ctx context.Context) string {
	if p := principal(ctx); p != nil {
		return p.ID
	}
	return "unknown"
}

// refuseStranger answers 401 to whoever has neither a secret key nor a session,
// before anything else is said about the API.
func (a *API) refuseStranger(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, prefix) || r.URL.Path == documentPath || a.open[r.URL.Path] {
		return false
	}
	if _, err := a.authenticate(r); err != nil {
		problemOf(err).spoken(r).write(w)
		return true
	}
	return false
}

// authenticate tells who sends a request: a secret key or a token for one in the
// header, or a member by the cookie of a session.
func (a *API) authenticate(r *http.Request) (*access.Principal, error) {
	if in := insiderOf(r.Context()); in != nil {
		return in.principal, nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		if p, err := a.signedIn(r); p != nil || err != nil {
			return p, err
		}
	}
	scheme, key, ok := strings.Cut(header, " ")
	key = strings.TrimSpace(key)
	switch {
	case header == "":
		return nil, fault.Errorf(fault.Unauthenticated, "no_key", "no key: send the header Authorization: Bearer and a secret key, or sign in to the console")
	case !ok || !strings.EqualFold(scheme, "Bearer"):
		return nil, fault.Errorf(fault.Unauthenticated, "no_key", "the Authorization header is not Bearer: send Authorization: Bearer and a secret key")
	}
	k, err := a.Access.Admit(key, r.RemoteAddr)
	switch {
	case err != nil:
		return nil, err
	case k != nil:
		return access.OfKey(k), nil
	case strings.HasPrefix(key, access.TokenPrefix):
		return nil, fault.Errorf(fault.Unauthenticated, "invalid_token", "the access token is not valid or has expired: ask for another at POST %s", tokenPath)
	case a.Access.Index().WriteKey(key) != nil:
		return nil, fault.Errorf(fault.Unauthenticated, "write_key", "this is a write key, which only sends events: use a secret key here")
	}
	return nil, fault.Errorf(fault.Unauthenticated, "unknown_key", "unknown secret key: check it, or make one with rapport keys create")
}

// authorise checks that whoever asks may do so, notes it where it is to be
// noted, and has what is personal masked.
func (a *API) authorise(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	r, w := humago.Unwrap(ctx)
	ctx = huma.WithValue(ctx, requestKey{}, r)
	scope, _ := op.Metadata[scopeOf].(string)
	if scope == "" {
		next(ctx)
		return
	}
	p, err := a.authenticate(r)
	if err == nil {
		err = mayCall(p, op, scope)
	}
	var look sight
	if err == nil {
		look, err = sightOf(p, op, r)
	}
	if err == nil && (p.Masked() || assisted(r.Context())) {
		err = refuseMasked(r, op)
	}
	if err == nil && p.Key != nil && insiderOf(r.Context()) == nil { // what the instance does itself is not held against limits
		err = a.Quota.Request(p.ID)
	}
	if err == nil && scope != access.ScopeRead && r.Method != http.MethodGet && access.Area(op.Tags[0]) != access.Self {
		err = a.changeable()
	}
	if err != nil {
		problemOf(err).spoken(r).write(w)
		return
	}
	if look.masked {
		if rules, err := a.Spine.ProfileRules(ctx.Context()); err == nil && rules != nil {
			look.schema = rules.Schema
		}
	}
	ctx = huma.WithValue(ctx, principalKey{}, p)
	next(huma.WithValue(ctx, sightKey{}, look))
	a.note(ctx, p, op, look)
}

// mayCall checks the rights of whoever asks against the route.
func mayCall(p *access.Principal, op *huma.Operation, scope string) error {
	area := access.Area(op.Tags[0])
	switch {
	case p.May(area, scope):
		return nil
	case p.Key == nil:
		return fault.Errorf(fault.Forbidden, "missing_right", "your roles do not let you %s in the area %s: ask an admin for a role that does", scope, area)
	case area == access.Self:
		return fault.Errorf(fault.Forbidden, "no_member", "this is about who signed in, and a key is nobody: sign in with POST %ssession", prefix)
	}
	return fault.Errorf(fault.Forbidden, "missing_scope", "the key %s (%s) lacks the scope %s: use one that has it", p.ID, strings.Join(p.Key.Scopes, ", "), scope)
}

// checkContentType refuses bodies that do not say they are JSON. No header at
// all counts as JSON.
func (a *API) checkContentType(ctx huma.Context, next func(huma.Context)) {
	header := ctx.Header("Content-Type")
	r, w := humago.Unwrap(ctx)
	if takes, ok := ctx.Operation().Metadata[takesOf].(string); ok && takes != "" {
		next(ctx) // bytes of whatever kind: what they are is found by looking at them
		return
	}
	if ctx.Operation().RequestBody == nil || header == "" && r.ContentLength != 0 {
		next(ctx)
		return
	}
	kind, _, err := mime.ParseMediaType(header)
	allowed := []string{"application/json"}
	if more, ok := ctx.Operation().Metadata[acceptsOf].([]string); ok {
		allowed = append(allowed, more...)
	}
	if ctx.Method() == http.MethodPatch {
		allowed = append(allowed, "application/merge-patch+json")
	}
	if header != "" && (err != nil || !slices.Contains(allowed, kind)) {
		mend := mediaMend
		if len(allowed) > 1 {
			mend = "the body must be one of " + strings.Join(allowed, ", ") + ": send the header Content-Type with it"
		}
		newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", mend).in(pipeline.Language(ctx.Context())).write(w)
		return
	}
	next(ctx)
}

// plainStatus is a context that answers 400 where huma would answer 422, so
// that whatever is wrong with a request has one status, and 500 where the
// answer turned out not to be one.
type plainStatus struct {
	humaContext
	failed bool
}

// humaContext has another name than the method it has.
type humaContext = huma.Context

// SetStatus sends the status.
func (c *plainStatus) SetStatus(status int) {
	switch {
	case c.failed:
		status = http.StatusInternalServerError
	case status == http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	}
	c.humaContext.SetStatus(status)
}

// Unwrap gives the context behind.
func (c *plainStatus) Unwrap() huma.Context { return c.humaContext }

func oneStatus(ctx huma.Context, next func(huma.Context)) { next(&plainStatus{humaContext: ctx}) }

// failStatus has an answer sent as an error that began as a success.
func failStatus(ctx huma.Context) {
	for ctx != nil {
		switch c := ctx.(type) {
		case *plainStatus:
			c.failed = true
			return
		case interface{ Unwrap() huma.Context }:
			ctx = c.Unwrap()
		default:
			return
		}
	}
}

// transform is the last thing that happens to every body huma writes, before
// the status is sent: answers are encoded, errors become problems with their
// request id, and internal causes go to the log.
func (a *API) transform(ctx huma.Context, _ string, v any) (any, error) {
	var p *Problem
	switch e := v.(type) {
	case *Problem:
		p = e
	case *huma.ErrorModel:
		p = problemOfModel(e)
	default:
		body, err := encode(v)
		if look, _ := ctx.Context().Value(sightKey{}).(sight); err == nil && (look.masked || len(look.hidden) > 0) {
			body, err = look.mask(body)
		}
		if err == nil {
			return body, nil
		}
		p = problemOf(fmt.Errorf("encode the answer: %w", err))
		failStatus(ctx)
		ctx.SetHeader("Content-Type", problemType)
		_, w := humago.Unwrap(ctx)
		for _, ofSuccess := range []string{"ETag", "Location"} {
			w.Header().Del(ofSuccess)
		}
	}
	_, w := humago.Unwrap(ctx)
	p.RequestID = w.Header().Get(requestIDHeader)
	if p.Status >= http.StatusInternalServerError && p.cause != nil {
		a.Log.Error("request failed", "route", ctx.Operation().Method+" "+ctx.Operation().Path,
			"request_id", p.RequestID, "error", p.cause)
	}
	return p.in(pipeline.Language(ctx.Context())), nil
}

// noRoute answers what the mux would answer in plain text.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	probe := &statusOnly{header: http.Header{}}
	a.mux.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		newProblem(http.StatusNotFound, "no_route",
			"no such address: GET "+documentPath+" lists them; in a path, percent-encode values (/ is %2F)").spoken(r).write(w)
		return
	}
	allow := probe.header.Get("Allow")
	p := newProblem(http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible here: use "+allow)
	p.header = http.Header{"Allow": {allow}}
	p.spoken(r).write(w)
}

// statusOnly takes an answer without sending it.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

var _ io.Writer = (*statusOnly)(nil)
