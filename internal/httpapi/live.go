package httpapi

import (
	"context"
	"net/http"
	"time"

	"rapport/internal/access"
	"rapport/internal/watch"
)

// Live is what comes in, for those who look on.
type Live interface {
	Look(ctx context.Context, q watch.Query) watch.LivePage
}

// longestLook is how long a look waits at most for something to show.
const longestLook = 25 * time.Second

func (a *API) liveRoutes() {
	register(a, spec{
		id: "watch-events", method: http.MethodGet, path: "/events/live", tag: "accounting",
		summary: "Events as they come in, with what became of them; waits until there are some. Kept in memory, and only while somebody looks",
		scope:   access.ScopeRead, status: http.StatusOK,
	}, func(ctx context.Context, in *struct {
		After   uint64 `query:"after" doc:"next of the look before; left out: those of the last moments"`
		Limit   int    `query:"limit" minimum:"1" maximum:"4096" default:"1000" doc:"How many at most: the newest"`
		Seconds int    `query:"seconds" minimum:"0" maximum:"25" default:"10" doc:"How long to wait at most"`
	},
	) (*body[watch.LivePage], error) {
		wait := min(time.Duration(in.Seconds)*time.Second, longestLook)
		return &body[watch.LivePage]{a.Live.Look(ctx, watch.Query{After: in.After, Limit: in.Limit, Wait: wait})}, nil
	})
}
