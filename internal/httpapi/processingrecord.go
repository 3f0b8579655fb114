package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/policy"
	"rapport/internal/retention"
)

// ProcessingRecord is the record of processing activities of article 30 of the
// GDPR, as far as the instance knows it and the controller has said it.
type ProcessingRecord struct {
	Made       clock.Instant         `json:"made_at"`
	Statement  retention.Statement   `json:"statement" doc:"What the controller says: PUT /api/v1/processing-statement"`
	Purposes   []policy.Purpose      `json:"purposes" nullable:"false" doc:"Of the consent policy"`
	Sources    []ProcessingSource    `json:"sources" nullable:"false" doc:"Where data comes from"`
	Kept       []ProcessingPeriod    `json:"kept" nullable:"false" doc:"Time limits, by retention policy; what none is about is kept until somebody is erased"`
	Recipients []ProcessingRecipient `json:"recipients" nullable:"false" doc:"Destinations that are live"`
	Access     []ProcessingRole      `json:"access" nullable:"false" doc:"Who may see what: roles with the number of members who have them"`
	Keys       []ProcessingScope     `json:"keys" nullable:"false" doc:"Secret keys by what they may"`
	Missing    []string              `json:"missing" nullable:"false" doc:"What article 30 asks for and nobody has said: members of statement, and purposes"`
}

// ProcessingSource is where data comes from.
type ProcessingSource struct {
	Key      string `json:"key"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Provider string `json:"provider,omitempty" doc:"Whose data it is, where it is not your own"`
	// Purpose and Mode are those of the consent policy.
	Purpose string      `json:"purpose,omitempty" doc:"Key of the purpose that its events are for, by the consent policy"`
	Mode    policy.Mode `json:"mode,omitempty" doc:"What becomes of events whose person did not agree"`
}

// ProcessingPeriod is how long something is kept.
type ProcessingPeriod struct {
	Policy string `json:"policy"`
	retention.Document
}

// ProcessingRecipient is who is given data.
type ProcessingRecipient struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
}

// ProcessingRole is how many have a role.
type ProcessingRole struct {
	Role    access.Role `json:"role"`
	Members int         `json:"members"`
}

// ProcessingScope is how many keys may something.
type ProcessingScope struct {
	Scope string `json:"scope"`
	Keys  int    `json:"keys"`
}

func (a *API) processingRoutes() {
	at := func(id, path, summary string) spec {
		return spec{id: id, method: http.MethodGet, path: "/processing-record" + path, tag: "privacy", summary: summary, scope: access.ScopeRead, status: http.StatusOK, data: impersonal}
	}
	register(a, at("get-processing-record", "", "What is processed, for what, kept how long, given to whom and seen by whom"), a.processingRecord)
	document := at("export-processing-record", "/document", "The record of processing as a document to file or to print")
	document.gives = []string{"text/markdown"}
	register(a, document, a.exportProcessing)
}

func (a *API) processingRecord(ctx context.Context, _ *struct{}) (*body[ProcessingRecord], error) {
	r, err := a.processing(ctx)
	if err != nil {
		return nil, err
	}
	return &body[ProcessingRecord]{*r}, nil
}

type processingDocument struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) exportProcessing(ctx context.Context, in *struct {
	Language string `query:"language" enum:"en,de" default:"en" doc:"Of the headings; what people wrote stays as it is"`
},
) (*processingDocument, error) {
	r, err := a.processing(ctx)
	if err != nil {
		return nil, err
	}
	return &processingDocument{
		Type: "text/markdown; charset=utf-8", Disposition: `attachment; filename="record-of-processing.md"`, Body: r.markdown(in.Language),
	}, nil
}

// processing puts the record together of what is defined now.
func (a *API) processing(ctx context.Context) (*ProcessingRecord, error) {
	r := &ProcessingRecord{
		Made: a.Clock.Now(), Purposes: []policy.Purpose{}, Sources: []ProcessingSource{}, Kept: []ProcessingPeriod{}, Recipients: []ProcessingRecipient{},
	}
	if err := a.eachLive(ctx, definition.ProcessingStatement, func(_ string, document []byte) error {
		s, err := retention.ReadStatement(document)
		if err == nil {
			r.Statement = *s
		}
		return err
	}); err != nil {
		return nil, err
	}
	var rules *policy.Policy
	if err := a.eachLive(ctx, definition.ConsentPolicy, func(_ string, document []byte) (err error) {
		rules, err = policy.Parse(document)
		return err
	}); err != nil {
		return nil, err
	}
	if rules != nil {
		r.Purposes = rules.Purposes()
	}
	if err := a.eachLive(ctx, definition.Retention, func(key string, document []byte) error {
		p, err := retention.Parse(document)
		if err == nil {
			r.Kept = append(r.Kept, ProcessingPeriod{key, *p})
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := a.eachLive(ctx, definition.Destination, func(key string, document []byte) error {
		to := ProcessingRecipient{Key: key}
		err := json.Unmarshal(document, &to)
		to.Key = key
		r.Recipients = append(r.Recipients, to)
		return err
	}); err != nil {
		return nil, err
	}
	r.accessOf(a.Access.Index().Document(), rules)
	r.Missing = r.Statement.Missing()
	if len(r.Purposes) == 0 {
		r.Missing = append(r.Missing, "purposes")
	}
	return r, nil
}

// accessOf adds the sources and who may see what.
func (r *ProcessingRecord) accessOf(d *access.Document, rules *policy.Policy) {
	for i := range d.Sources {
		s := &d.Sources[i]
		from := ProcessingSource{Key: s.Key, Name: s.Name, Kind: s.Kind}
		if s.ThirdParty != nil {
			from.Provider = s.ThirdParty.Provider
		}
		if rules != nil {
			if rule := rules.Of(s.Key); rule != nil {
				from.Purpose, from.Mode = rule.Purpose, rule.Mode
			}
		}
		r.Sources = append(r.Sources, from)
	}
	for _, role := range access.Roles() {
		n := 0
		for i := range d.Members {
			if m := &d.Members[i]; !m.Disabled && slices.Contains(m.Roles, role) {
				n++
			}
		}
		r.Access = append(r.Access, ProcessingRole{role, n})
	}
	for _, scope := range []string{access.ScopeRead, access.ScopeWrite, access.ScopeAdmin} {
		n := 0
		for i := range d.SecretKeys {
			if d.SecretKeys[i].May(scope) {
				n++
			}
		}
		r.Keys = append(r.Keys, ProcessingScope{scope, n})
	}
}

// eachLive visits the live documents of a kind.
func (a *API) eachLive(ctx context.Context, kind definition.Kind, visit func(key string, document []byte) error) error {
	for _, s := range a.Spine.Definitions().List(kind) {
		v := s.Live()
		if v == nil {
			continue
		}
		d, err := a.Spine.Definition(ctx, kind, v.Key, v.Version)
		if err == nil {
			err = visit(v.Key, d.Document)
		}
		if err != nil {
			return fmt.Errorf("%s %q: %w", kind, v.Key, err)
		}
	}
	return nil
}
