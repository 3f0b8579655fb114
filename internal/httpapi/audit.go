package httpapi

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/clock"
)

// AuditQuery is which entries are wanted.
type AuditQuery struct {
	Paging
	Actor     string `query:"actor" maxLength:"64" doc:"Id of a key or a member"`
	Operation string `query:"operation" maxLength:"64" doc:"Id of an operation of this API, or sign-in, sign-in-openid, sign-in-passkey, link-openid, provision-member, follow-roles, refused-sign-in, enter-by-link, refused-link, call-tool"`
	About     string `query:"about" maxLength:"500" doc:"What stood in the address for a person, such as user_id:42 or a profile's id"`
	From      string `query:"from" format:"date-time"`
	To        string `query:"to" format:"date-time"`
}

func (a *API) auditRoutes() {
	register(a, spec{
		id: "list-audit", method: http.MethodGet, path: "/audit", tag: "access", scope: access.ScopeAdmin, status: http.StatusOK,
		summary: "Who changed what and who looked at what is personal, newest first",
	}, a.listAuditLog)
}

func (a *API) listAuditLog(_ context.Context, in *AuditQuery) (*body[List[access.Entry]], error) {
	q := access.AuditQuery{Actor: in.Actor, Operation: in.Operation, Cursor: in.Cursor, Limit: in.Limit}
	if in.About != "" {
		q.About = a.Audit.Mark(in.About)
	}
	for text, at := range map[string]*clock.Instant{in.From: &q.From, in.To: &q.To} {
		if err := at.UnmarshalText([]byte(text)); err != nil {
			return nil, err
		}
	}
	entries, next, err := a.Audit.List(q)
	if err != nil {
		return nil, err
	}
	out := List[access.Entry]{Items: entries}
	if out.Items == nil {
		out.Items = []access.Entry{}
	}
	if next != "" {
		out.Next = &next
	}
	return &body[List[access.Entry]]{out}, nil
}

// quietAreas are those into which programs write all day: what their keys do
// there is in the timeline of the people and in the accounting.
func quietAreas() []access.Area {
	return []access.Area{access.Profiles, access.Entities, access.Accounting, access.Identity}
}

// note writes down what changed something, and who saw what is personal.
func (a *API) note(ctx huma.Context, p *access.Principal, op *huma.Operation, look sight) {
	scope, _ := op.Metadata[scopeOf].(string)
	changes := op.Method != http.MethodGet && op.Method != http.MethodHead && scope != access.ScopeRead
	if op.OperationID == "sign-out" {
		changes = true
	}
	if p.Key != nil && slices.Contains(quietAreas(), access.Area(op.Tags[0])) {
		changes = false
	}
	if !changes && look.reason == "" {
		return
	}
	r, w := humago.Unwrap(ctx)
	e := access.Entry{
		At: a.Clock.Now(), Actor: p.ID, Operation: op.OperationID, Status: ctx.Status(), Reason: look.reason,
		From: hostOf(r), RequestID: w.Header().Get(requestIDHeader),
	}
	if named := params(ctx, op); named != "" {
		if isPersonal, _ := op.Metadata[personalOf].(bool); isPersonal && !strings.Contains(op.Path, "{key}") {
			e.About = a.Audit.Mark(named)
		} else {
			e.Target = named
		}
	}
	a.writeDown(e)
}

func (a *API) noteSession(ctx context.Context, actor, operation, about string) {
	e := access.Entry{At: a.Clock.Now(), Actor: actor, Operation: operation, About: about}
	if r := requestOf(ctx); r != nil {
		e.From = hostOf(r)
	}
	a.writeDown(e)
}

func (a *API) writeDown(e access.Entry) {
	if err := a.Audit.Note(e); err != nil {
		a.Log.Error("what was done is not in the audit log", "operation", e.Operation, "actor", e.Actor, "error", err)
	}
}

// params gives what stands in the address for the route's parameters.
func params(ctx huma.Context, op *huma.Operation) string {
	var out []string
	for _, part := range strings.Split(op.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, ctx.Param(strings.TrimSuffix(name, "}")))
		}
	}
	return strings.Join(out, "/")
}

func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}
