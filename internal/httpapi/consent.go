package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// ConsentBody is what is written of a person's consents.
type ConsentBody struct {
	Purposes []PurposeBody `json:"purposes" minItems:"1" maxItems:"100"`
	Time     string        `json:"time,omitempty" format:"date-time" doc:"When it was said; left out: now"`
}

// PurposeBody is one word on one purpose.
type PurposeBody struct {
	Purpose string `json:"purpose" minLength:"1" maxLength:"100"`
	Channel string `json:"channel,omitempty" maxLength:"100" doc:"Left out: all channels"`
	Status  string `json:"status" enum:"granted,denied,withdrawn"`
	Proof   string `json:"proof,omitempty" maxLength:"4000" doc:"The words that the person agreed to"`
	Version string `json:"version,omitempty" maxLength:"100" doc:"Of these words"`
}

func (a *API) consentRoutes() {
	at := func(id, method, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: "/profiles/{ref}/consent", tag: "privacy", summary: summary, scope: scope, status: status}
	}
	register(a, at("get-consent", http.MethodGet, "What a person agreed to, with every word ever said", access.ScopeRead, http.StatusOK), a.getConsent)
	register(a, at("set-consent", http.MethodPut, "Note what a person said; what is not named stays", access.ScopeWrite, http.StatusNoContent), a.setConsent)
}

func (a *API) getConsent(ctx context.Context, in *Ref) (*body[pipeline.Consent], error) {
	c, err := a.Spine.Consent(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	return &body[pipeline.Consent]{c}, nil
}

func (a *API) setConsent(ctx context.Context, in *struct {
	Ref
	Waiting
	Body ConsentBody
},
) (*decided, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	c := pipeline.ConsentCommand{Ref: in.Ref.Ref, Source: "api"}
	if in.Body.Time != "" {
		var t clock.Instant
		if err := t.UnmarshalText([]byte(in.Body.Time)); err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_time", "time %q is no time: send RFC 3339", in.Body.Time).At("/time")
		}
		c.Time = t
	}
	for _, p := range in.Body.Purposes {
		c.Purposes = append(c.Purposes, pipeline.ConsentWord{
			Purpose: p.Purpose, Channel: p.Channel, Status: consent.Status(p.Status), Proof: p.Proof, Version: p.Version,
		})
	}
	receipt, err := a.Spine.SetConsent(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &decided{}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}
