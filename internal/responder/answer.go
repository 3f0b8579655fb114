package responder

import (
	"encoding/json"

	"rapport/internal/decision/offer"
	"rapport/internal/experience"
)

// Why there is a fallback. More than this no public caller learns.
const (
	UnknownPlacement  = "unknown_placement"  // or one that this caller may not ask for
	UnknownExperience = "unknown_experience" // or one that this caller may not ask for
	NothingEligible   = "nothing_eligible"
	ContentFailed     = "content_failed" // the content could not be written for this visitor
	ContextTooLarge   = "context_too_large"
	Unidentified      = "unidentified" // nobody is named who could be asked about
	Failed            = "failed"
)

// WhatToShow is what to show.
type WhatToShow struct {
	Decisions []ShownDecision `json:"decisions" nullable:"false"`
	// Reason says why there is no decision at all.
	Reason string `json:"reason,omitempty"`
}

// ShownDecision is what to show in one place.
type ShownDecision struct {
	ID         string                  `json:"decision_id,omitempty" doc:"The same in every channel while the decision holds; empty: nothing was decided"`
	ValidUntil *instant                `json:"valid_until,omitempty"`
	Placement  string                  `json:"placement,omitempty"`
	Experience string                  `json:"experience,omitempty"`
	Version    int                     `json:"experience_version,omitempty"`
	Variant    string                  `json:"variant,omitempty"`
	Control    bool                    `json:"control,omitempty"`
	Fallback   bool                    `json:"fallback,omitempty" doc:"Nothing was decided: this is what is shown then"`
	Reason     string                  `json:"reason,omitempty" doc:"Why there is a fallback"`
	Preview    bool                    `json:"preview,omitempty"`
	Type       string                  `json:"content_type,omitempty" enum:"json,html,form,notification"`
	Content    json.RawMessage         `json:"content,omitempty"`
	Items      []ChosenOffer           `json:"items,omitempty" doc:"The offers that were chosen, best first"`
	Selector   string                  `json:"selector,omitempty"`
	BudgetMS   int                     `json:"budget_ms,omitempty" doc:"How long a page may hide the place while it waits"`
	Display    *experience.DisplayRule `json:"display,omitempty"`
	Track      *OutcomeProperties      `json:"track,omitempty" doc:"Properties of the events that report what became of it"`

	Considered []ConsideredExperience `json:"considered,omitempty" doc:"With explain: the experiences that could have filled the place"`
	Candidates []offer.CandidateOffer `json:"candidates,omitempty" doc:"With explain: every offer, and at which stage it fell"`
}

// ChosenOffer is an offer that was chosen.
type ChosenOffer struct {
	Offer      string             `json:"offer"`
	Version    int                `json:"offer_version"`
	Content    json.RawMessage    `json:"content"`
	Score      *float64           `json:"score,omitempty"`
	Propensity *float64           `json:"propensity,omitempty"`
	Track      *OutcomeProperties `json:"track,omitempty"`
}

// OutcomeProperties is what an event must say to report an outcome.
type OutcomeProperties struct {
	DecisionID string `json:"decision_id"`
	Placement  string `json:"placement,omitempty"`
	Experience string `json:"experience,omitempty"`
	Version    int    `json:"experience_version,omitempty"`
	Variant    string `json:"variant,omitempty"`
	Offer      string `json:"offer,omitempty"`
	Channel    string `json:"channel,omitempty"`
}

// ConsideredExperience is an experience that could have been given.
type ConsideredExperience struct {
	Experience string `json:"experience"`
	Version    int    `json:"version"`
	Chosen     bool   `json:"chosen"`
	Stage      string `json:"stage,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

func (m *ShownDecision) track(offerKey, channel string) *OutcomeProperties {
	return &OutcomeProperties{m.ID, m.Placement, m.Experience, m.Version, m.Variant, offerKey, channel}
}
