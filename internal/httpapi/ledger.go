package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/pipeline"
)

func (a *API) ledgerRoutes() {
	register(a, spec{
		id: "get-accounting", method: http.MethodGet, path: "/accounting", tag: "accounting",
		summary: "Where every event went: received = pending + stored + deduplicated + dead_lettered + rejected",
		scope:   access.ScopeRead, status: http.StatusOK,
	}, func(ctx context.Context, _ *struct{}) (*body[pipeline.Accounting], error) {
		sums, err := a.Spine.Accounting(ctx)
		if err != nil {
			return nil, err
		}
		if sums.Reasons == nil {
			sums.Reasons = map[string]uint64{}
		}
		return &body[pipeline.Accounting]{sums}, nil
	})
}
