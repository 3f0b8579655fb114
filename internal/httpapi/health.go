package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/health"
	"rapport/internal/pipeline"
)

// Health is what the API asks of those who look after the instance.
type Health interface {
	Report(ctx context.Context) health.HealthReport
}

func (a *API) healthRoutes() {
	s := spec{
		id: "get-health", method: http.MethodGet, path: "/health", tag: "process", scope: access.ScopeRead, status: http.StatusOK,
		summary: "How the instance is: what fails, what is late, what is stuck, what the disk holds and when it is full",
	}
	register(a, s, func(ctx context.Context, _ *struct{}) (*body[health.HealthReport], error) {
		return &body[health.HealthReport]{a.Health.Report(ctx).In(pipeline.Language(ctx))}, nil
	})
}
