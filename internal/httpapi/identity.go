package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
)

// FactBody is what an operator says of identifiers.
type FactBody struct {
	Op   identity.Op       `json:"op" enum:"ignore,cannot_link,must_link,block,shared" doc:"ignore: as if the two had never been seen together (un-merge); cannot_link, must_link: whatever is seen; block: names nobody; shared: links nobody"`
	A    event.Identifier  `json:"a"`
	B    *event.Identifier `json:"b,omitempty" doc:"The other one; left out with block and shared"`
	Note string            `json:"note,omitempty" maxLength:"2000"`
}

type storedFact struct {
	Status   int
	Location string `header:"Location"`
	Applied
	Body identity.Fact
}

func (a *API) identityRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: "/identity" + path, tag: "identity", summary: summary, scope: scope, status: status}
	}
	register(a, at("get-identity-state", http.MethodGet, "", "How far the identity rules are applied, and what the graph counts", access.ScopeRead, http.StatusOK), a.identityState)
	register(a, at("list-identity-facts", http.MethodGet, "/facts", "What operators said of identifiers and what counts, oldest first", access.ScopeRead, http.StatusOK), a.listFacts)
	register(a, at("add-identity-fact", http.MethodPost, "/facts", "Say something of identifiers; of two facts on the same ones the later counts", access.ScopeWrite, http.StatusCreated), a.addFact)
	register(a, at("withdraw-identity-fact", http.MethodDelete, "/facts/{id}", "Take back what was said: a later fact", access.ScopeWrite, http.StatusOK), a.withdrawFact)
	register(a, at("list-identity-audit", http.MethodGet, "/audit", "Merges and splits with what caused them, oldest first", access.ScopeRead, http.StatusOK), a.listAudit)
	dry := at("try-identity-rules", http.MethodPost, "/rules/dry-run", "What other rules would change, without changing anything", access.ScopeRead, http.StatusOK)
	dry.body = identity.Rules{}
	register(a, dry, a.dryRun)
}

func (a *API) identityState(context.Context, *struct{}) (*body[pipeline.IdentityState], error) {
	return &body[pipeline.IdentityState]{a.Spine.IdentityState()}, nil
}

func (a *API) listFacts(_ context.Context, in *struct{ Paging }) (*body[List[identity.Fact]], error) {
	page, err := pageOf(a.Spine.IdentityFacts(), func(f identity.Fact) string { return f.Time.String() + f.ID }, in.Paging)
	if err != nil {
		return nil, err
	}
	return &body[List[identity.Fact]]{listOf(page)}, nil
}

func (a *API) addFact(ctx context.Context, in *struct {
	Waiting
	Body FactBody
},
) (*storedFact, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	f, receipt, err := a.Spine.SayIdentity(ctx, pipeline.FactCommand{Op: in.Body.Op, A: in.Body.A, B: in.Body.B, Note: in.Body.Note, Actor: author(ctx)})
	if err != nil {
		return nil, err
	}
	out := &storedFact{Status: http.StatusCreated, Location: prefix + "identity/facts/" + f.ID, Body: f}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}

func (a *API) withdrawFact(ctx context.Context, in *struct {
	Waiting
	ID string `path:"id" maxLength:"100"`
},
) (*storedFact, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	f, receipt, err := a.Spine.WithdrawFact(ctx, in.ID, author(ctx))
	if err != nil {
		return nil, err
	}
	out := &storedFact{Status: http.StatusOK, Body: f}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}

func (a *API) listAudit(ctx context.Context, in *struct{ Paging }) (*body[List[pipeline.AuditEntry]], error) {
	page, err := a.Spine.IdentityAudit(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[List[pipeline.AuditEntry]]{listOf(page)}, nil
}

func (a *API) dryRun(ctx context.Context, in *struct {
	Waiting
	Body json.RawMessage
},
) (*body[*graph.IdentityPreview], error) {
	rules, err := identity.Parse(in.Body)
	if err != nil {
		return nil, err
	}
	preview, err := a.Spine.PreviewRules(ctx, rules)
	if err != nil {
		return nil, err
	}
	return &body[*graph.IdentityPreview]{preview}, nil
}
