package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/segment/condition"
)

// PreviewBody asks how many people a condition holds for.
type PreviewBody struct {
	Condition map[string]any `json:"condition" doc:"As in a segment"`
	Exact     bool           `json:"exact,omitempty" doc:"true: look at everybody whom the columns do not decide, however long it takes"`
	Overlap   []string       `json:"overlap,omitempty" doc:"Keys of the segments whose people in common are counted; not given: all in force"`
}

// previewPatience is how long a preview looks at people one by one before it
// estimates.
const previewPatience = 250 * time.Millisecond

// PreviewWaiting lets a question wait for the exact count.
type PreviewWaiting struct {
	Wait    string `query:"wait" enum:"exact" doc:"exact: answer when everybody is counted"`
	Timeout string `query:"timeout" doc:"How long to wait at most, such as 2s or 500ms"`
}

// patience is how long somebody wants to wait for an exact count; zero is not.
func (w PreviewWaiting) patience(l Limits) (time.Duration, error) {
	if w.Wait == "" {
		return 0, nil
	}
	return Waiting{Timeout: w.Timeout}.span(l)
}

func (a *API) previewRoutes() {
	register(a, spec{
		id: "preview-segment", method: http.MethodPost, path: "/segments/preview", tag: "segments", scope: access.ScopeRead,
		summary: "How many people a condition holds for", status: http.StatusOK, body: PreviewBody{},
	}, a.previewSegment)
	register(a, spec{
		id: "get-preview-count", method: http.MethodGet, path: "/previews/{id}", tag: "segments", scope: access.ScopeRead,
		summary: "The exact count of a preview that was an estimate", status: http.StatusOK,
	}, a.previewCount)
}

func (a *API) previewCount(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64" doc:"As the preview gave it in count"`
	PreviewWaiting
},
) (*struct{ Body *pipeline.PreviewCount }, error) {
	patience, err := in.patience(a.Limits)
	if err != nil {
		return nil, err
	}
	out, err := a.Spine.PreviewCount(ctx, in.ID, patience)
	if err != nil {
		return nil, err
	}
	return &struct{ Body *pipeline.PreviewCount }{out}, nil
}

func (a *API) previewSegment(ctx context.Context, in *struct {
	PreviewWaiting
	RawBody []byte
},
) (*struct{ Body *pipeline.Preview }, error) {
	patience, err := in.patience(a.Limits)
	if err != nil {
		return nil, err
	}
	var asked struct {
		Condition json.RawMessage `json:"condition"`
		Exact     bool            `json:"exact"`
		Overlap   []string        `json:"overlap"`
	}
	if err := strictly(in.RawBody, &asked); err != nil {
		return nil, err
	}
	if len(asked.Condition) == 0 {
		return nil, fault.Errorf(fault.Invalid, "invalid_condition",
			`nothing says what is asked: send {"condition": {"trait": "plan", "op": "=", "value": "gold"}}`).At("/condition")
	}
	n, err := condition.ReadAt(asked.Condition, "/condition")
	if err != nil {
		return nil, err
	}
	out, err := a.Spine.Preview(ctx, n, pipeline.PreviewOptions{
		Exact: asked.Exact, Patience: previewPatience, Count: !asked.Exact, Overlap: asked.Overlap,
	})
	if err != nil {
		return nil, err
	}
	if out.Count != nil && patience > 0 {
		if out.Count, err = a.Spine.PreviewCount(ctx, out.Count.ID, patience); err != nil {
			return nil, err
		}
		out.Settle()
	}
	return &struct{ Body *pipeline.Preview }{out}, nil
}
