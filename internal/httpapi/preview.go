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
}

// previewPatience is how long a preview looks at people one by one before it
// estimates.
const previewPatience = 250 * time.Millisecond

func (a *API) previewRoutes() {
	register(a, spec{
		id: "preview-segment", method: http.MethodPost, path: "/segments/preview", tag: "segments", scope: access.ScopeRead,
		summary: "How many people a condition holds for", status: http.StatusOK, body: PreviewBody{},
	}, a.previewSegment)
}

func (a *API) previewSegment(ctx context.Context, in *struct {
	RawBody []byte
},
) (*struct{ Body *pipeline.Preview }, error) {
	var asked struct {
		Condition json.RawMessage `json:"condition"`
		Exact     bool            `json:"exact"`
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
	out, err := a.Spine.Preview(ctx, n, pipeline.PreviewOptions{Exact: asked.Exact, Patience: previewPatience})
	if err != nil {
		return nil, err
	}
	return &struct{ Body *pipeline.Preview }{out}, nil
}
