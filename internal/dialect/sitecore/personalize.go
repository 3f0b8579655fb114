package sitecore

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/responder"
)

// Decider says what an interactive experience answers.
type Decider interface {
	Decide(ctx context.Context, q *responder.Request) (*responder.WhatToShow, error)
}

// maxFlow is what a call of a flow may be, in bytes, and maxParams what its
// parameters may be.
const (
	maxFlow   = 64 << 10
	maxParams = 16 << 10
)

// flow is a call of an experience, which is named by its friendly id.
type flow struct {
	FriendlyID  string `json:"friendlyId"`
	Channel     string `json:"channel"`
	Language    string `json:"language"`
	ClientKey   string `json:"clientKey"`
	BrowserID   string `json:"browserId"`
	Email       string `json:"email"`
	Identifiers struct {
		ID       string `json:"id"`
		Provider string `json:"provider"`
	} `json:"identifiers"`
	Params   map[string]json.RawMessage `json:"params"`
	Variants []string                   `json:"variants"`
}

func (d *Door) flowRoutes() {
	if d.Decide == nil {
		return
	}
	for _, path := range [...]string{"/v1/personalize", "/v2/callFlows", "/personalize/v2/callFlows", "/v1/personalize/v2/callFlows"} {
		d.mux.HandleFunc("POST "+path, d.callFlow)
		d.mux.HandleFunc("GET "+path, d.callFlow)
	}
}

// callFlow answers what an experience shows: its JSON and nothing around it.
// Whatever is wrong with who asks or for what, that is the fallback.
func (d *Door) callFlow(w http.ResponseWriter, r *http.Request) {
	raw := []byte(r.URL.Query().Get("message"))
	large := false
	if r.Method == http.MethodPost {
		var err error
		raw, err = dialect.ReadBody(r, maxFlow, tooLarge)
		if large = fault.KindOf(err) == fault.TooLarge; err != nil && !large {
			refuse(w, r, err)
			return
		}
	}
	var f flow
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &f); err != nil {
			answerError(w, fault.Errorf(fault.Invalid, "invalid_json", "the call cannot be read: %v", jsondoc.Mistake(err)), http.StatusBadRequest)
			return
		}
	}
	source, err := d.flowSource(r, &f)
	if err != nil {
		answerError(w, err, statusOf(err))
		return
	}
	q, reason := d.asked(&f, source)
	if large {
		reason = responder.ContextTooLarge
	}
	if reason != "" {
		shown(w, r, nil, reason)
		return
	}
	out, err := d.Decide.Decide(r.Context(), q)
	if err != nil || len(out.Decisions) != 1 {
		shown(w, r, nil, responder.Failed)
		return
	}
	m := &out.Decisions[0]
	shown(w, r, contentOf(m, f.Variants), m.Reason)
}

// flowSource finds the tenant: by the context id, the client key of the address
// or that of the call.
func (d *Door) flowSource(r *http.Request, f *flow) (Source, error) {
	q := r.URL.Query()
	for _, candidate := range [...]string{q.Get("sitecoreContextId"), r.Header.Get("X-Sitecore-Contextid"), f.ClientKey, q.Get("client_key")} {
		if candidate == "" {
			continue
		}
		if s, ok := d.Keys.SourceByWriteKey(candidate); ok {
			return s, dialect.MayCome(r, s.Origins)
		}
		return Source{}, errClientKey
	}
	return Source{}, errClientKey
}

// asked makes a question of a call. Its browser id must be one that was made
// here: others are nobody's.
func (d *Door) asked(f *flow, s Source) (q *responder.Request, reason string) {
	size := 0
	for name, value := range f.Params {
		size += len(name) + len(value)
	}
	switch {
	case size > maxParams:
		return nil, responder.ContextTooLarge
	case f.FriendlyID == "":
		return nil, responder.UnknownExperience
	}
	list := []event.Identifier{{Namespace: event.Email, Value: f.Email}}
	if f.Identifiers.Provider != "" && len(f.Identifiers.Provider) <= maxNamespace {
		list = append(list, event.Identifier{Namespace: strings.ToLower(f.Identifiers.Provider), Value: f.Identifiers.ID})
	}
	if d.made(f.BrowserID) {
		list = append(list, event.Identifier{Namespace: event.AnonymousID, Value: f.BrowserID})
	}
	q = &responder.Request{
		Trusted: s.Verified, Experiences: []string{f.FriendlyID}, Channel: strings.ToLower(f.Channel), Language: strings.ToLower(f.Language), Params: f.Params,
	}
	if q.Identifiers, _ = d.Book.Current().Choose(list); len(q.Identifiers) == 0 {
		return nil, responder.Unidentified
	}
	return q, ""
}

// contentOf is what a flow answers: the content, else the offers, else which of
// the variants that the page has.
func contentOf(m *responder.ShownDecision, variants []string) []byte {
	switch {
	case len(m.Content) > 0:
		return m.Content
	case len(m.Items) > 0:
		offers := make([]json.RawMessage, len(m.Items))
		for i := range m.Items {
			offers[i] = m.Items[i].Content
		}
		text, err := json.Marshal(map[string]any{"offers": offers, "decisionId": m.ID})
		if err != nil {
			return nil
		}
		return text
	case m.Variant != "" && (len(variants) == 0 || slices.Contains(variants, m.Variant)):
		text, err := json.Marshal(map[string]string{"variantId": m.Variant})
		if err != nil {
			return nil
		}
		return text
	}
	return nil
}

func shown(w http.ResponseWriter, r *http.Request, body []byte, reason string) {
	if reason != "" {
		w.Header().Set("Rapport-Reason", reason)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	answer(w, r, http.StatusOK, body)
}
