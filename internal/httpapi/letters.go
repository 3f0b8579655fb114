package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/wording"
)

// LetterID names a dead letter in a path.
type LetterID struct {
	ID string `path:"id" maxLength:"64" doc:"The dead letter's id"`
}

// LetterFilter narrows dead letters.
type LetterFilter struct {
	Reason string `query:"reason" maxLength:"100" doc:"Reason code, such as invalid_json"`
	Source string `query:"source" maxLength:"100" doc:"Key of a source"`
}

// BulkReplay asks to replay every dead letter that a filter lets pass.
type BulkReplay struct {
	Reason string `json:"reason,omitempty" maxLength:"100" doc:"Only those with this reason"`
	Source string `json:"source,omitempty" maxLength:"100" doc:"Only those of this source"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"100" doc:"How many at most; next goes on after them"`
	Cursor string `json:"cursor,omitempty" maxLength:"2048" doc:"next of the answer before"`
}

// BulkReplayed says what became of them.
type BulkReplayed struct {
	Replayed int            `json:"replayed" doc:"Taken in as events"`
	Failed   []ReplayFailed `json:"failed" nullable:"false" doc:"Still not understood; they stay"`
	Next     *string        `json:"next" doc:"cursor to go on with, null where none is left"`
}

// ReplayFailed is a dead letter that stays one.
type ReplayFailed struct {
	ID     string `json:"id"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// decided is the answer to a decision on a dead letter.
type decided struct {
	Applied
}

func (a *API) letterRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: "/dead-letters" + path, tag: "accounting", summary: summary, scope: scope, status: status}
	}
	register(a, at("list-dead-letters", http.MethodGet, "", "Events that were not understood, oldest first", access.ScopeRead, http.StatusOK), a.listLetters)
	register(a, at("get-dead-letter", http.MethodGet, "/{id}", "One of them, with its body as received", access.ScopeRead, http.StatusOK), a.getLetter)
	register(a, at("replay-dead-letter", http.MethodPost, "/{id}/replay", "Read it again and take it in as an event", access.ScopeWrite, http.StatusNoContent),
		a.decide(func(ctx context.Context, id string) (pipeline.Receipt, error) {
			return a.Spine.ReplayDeadLetter(ctx, id)
		}))
	register(a, at("discard-dead-letter", http.MethodPost, "/{id}/discard", "Give it up: it counts as rejected", access.ScopeWrite, http.StatusNoContent),
		a.decide(func(ctx context.Context, id string) (pipeline.Receipt, error) {
			return a.Spine.DiscardDeadLetter(ctx, id)
		}))
	register(a, at("replay-dead-letters", http.MethodPost, "/replay", "Replay many", access.ScopeWrite, http.StatusOK), a.replayMany)
}

func (a *API) listLetters(ctx context.Context, in *struct {
	LetterFilter
	Paging
},
) (*body[List[pipeline.DeadLetterView]], error) {
	page, err := a.Spine.DeadLetters(ctx, pipeline.DeadLetterQuery{Reason: in.Reason, Source: in.Source, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	for i := range page.Items {
		page.Items[i] = letterIn(ctx, page.Items[i])
	}
	return &body[List[pipeline.DeadLetterView]]{listOf(page)}, nil
}

// letterIn says why an event was not understood in the language of the reader.
func letterIn(ctx context.Context, v pipeline.DeadLetterView) pipeline.DeadLetterView {
	if pipeline.Language(ctx) == wording.German {
		v.Message = germanSentence(v.Message, v.Reason)
	}
	return v
}

func (a *API) getLetter(ctx context.Context, in *LetterID) (*body[pipeline.DeadLetterView], error) {
	letter, err := a.Spine.DeadLetter(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[pipeline.DeadLetterView]{letterIn(ctx, letter)}, nil
}

func (a *API) decide(decision func(context.Context, string) (pipeline.Receipt, error)) func(context.Context, *struct {
	LetterID
	Waiting
}) (*decided, error) {
	return func(ctx context.Context, in *struct {
		LetterID
		Waiting
	},
	) (*decided, error) {
		if err := a.waitable(in.Waiting); err != nil {
			return nil, err
		}
		receipt, err := decision(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		out := &decided{}
		out.Applied, err = a.await(ctx, in.Waiting, receipt)
		return out, err
	}
}

// bulkReplayed is the answer to a bulk replay.
type bulkReplayed struct {
	Applied
	Body BulkReplayed
}

func (a *API) replayMany(ctx context.Context, in *struct {
	Waiting
	Body BulkReplay
},
) (*bulkReplayed, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	q := pipeline.DeadLetterQuery{Reason: in.Body.Reason, Source: in.Body.Source, Cursor: in.Body.Cursor, Limit: in.Body.Limit}
	page, err := a.Spine.DeadLetters(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &bulkReplayed{Body: BulkReplayed{Failed: []ReplayFailed{}}}
	if page.Next != "" {
		out.Body.Next = &page.Next
	}
	var last pipeline.Receipt
	for _, letter := range page.Items {
		receipt, err := a.Spine.ReplayDeadLetter(ctx, letter.ID)
		switch fault.KindOf(err) {
		case fault.Internal:
			if err != nil {
				return nil, err
			}
			out.Body.Replayed++
			last.Position = max(last.Position, receipt.Position)
		case fault.Unavailable, fault.Limited:
			return nil, err
		default:
			p := problemOf(err)
			out.Body.Failed = append(out.Body.Failed, ReplayFailed{letter.ID, p.Code, p.Detail})
		}
	}
	out.Applied, err = a.await(ctx, in.Waiting, last)
	return out, err
}
