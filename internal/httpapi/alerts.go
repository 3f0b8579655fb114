package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"

	"rapport/internal/access"
	"rapport/internal/alert"
	"rapport/internal/definition"
	"rapport/internal/pipeline"
)

// Alerts is what the API asks of those who tell people what is wrong.
type Alerts interface {
	Check(ctx context.Context, key string, document []byte) error
	Test(key string, document []byte) (alert.SaidAlert, error)
	Standing(ctx context.Context) []alert.StandingAlert
	Said() []alert.SaidAlert // the newest first; of one time by their ids
}

func (a *API) alertShelf() shelf {
	return shelf{
		API: a, kind: definition.Alert, path: "/alerts", one: "alert", many: "alerts", tag: "process",
		body: alert.AlertDefinition{}, scope: access.ScopeWrite,
		read: func(key string, document, _ []byte) ([]byte, error) {
			_, err := alert.Read(key, document)
			return document, err
		},
		fits: func(ctx context.Context, key string, document []byte) error {
			return a.Alerts.Check(ctx, key, document)
		},
	}
}

func (a *API) alertRoutes() {
	s := a.alertShelf()
	s.register()
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: path, tag: "process", summary: summary, scope: scope, status: status}
	}
	register(a, at("list-standing-alerts", http.MethodGet, "/alert-standing", "What alerts are about and is so now", access.ScopeRead, http.StatusOK), a.standingAlerts)
	register(a, at("list-alert-history", http.MethodGet, "/alert-history", "What was said of alerts, to whom and what came of it, the newest first", access.ScopeRead, http.StatusOK), a.alertHistory)
	register(a, at("test-alert", http.MethodPost, "/alerts/{key}/test", "Tell everybody whom the alert names that it is tried; the history says what came of it", access.ScopeWrite, http.StatusAccepted),
		func(ctx context.Context, in *ModelKey) (*body[alert.SaidAlert], error) {
			v, err := s.version(in.Key, 0)
			if err != nil {
				return nil, err
			}
			d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
			if err != nil {
				return nil, err
			}
			said, err := a.Alerts.Test(in.Key, d.Document)
			return &body[alert.SaidAlert]{said.In(pipeline.Language(ctx))}, err
		})
}

func (a *API) standingAlerts(ctx context.Context, in *Paging) (*body[List[alert.StandingAlert]], error) {
	page, err := pageOf(slices.Clone(a.Alerts.Standing(ctx)), alert.StandingAlert.Key, *in)
	for i := range page.Items {
		page.Items[i] = page.Items[i].In(pipeline.Language(ctx))
	}
	return &body[List[alert.StandingAlert]]{listOf(page)}, err
}

func (a *API) alertHistory(ctx context.Context, in *struct {
	Paging
	Alert string `query:"alert" maxLength:"128" doc:"Key of an alert; left out: all"`
},
) (*body[List[alert.SaidAlert]], error) {
	var all []alert.SaidAlert
	for _, s := range a.Alerts.Said() {
		if in.Alert == "" || s.Alert == in.Alert {
			all = append(all, s)
		}
	}
	// In the order of what Said gives.
	newest := func(s alert.SaidAlert) string { return fmt.Sprintf("%019d %s", math.MaxInt64-int64(s.Time), s.ID) }
	page, err := pageOf(all, newest, in.Paging)
	for i := range page.Items {
		page.Items[i] = page.Items[i].In(pipeline.Language(ctx))
	}
	return &body[List[alert.SaidAlert]]{listOf(page)}, err
}
