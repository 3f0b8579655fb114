package app

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"rapport/internal/definition"
	"rapport/internal/enrich"
	"rapport/internal/event/plan"
	"rapport/internal/source/geo"
	"rapport/internal/source/intake"
	"rapport/internal/watch"
)

// observedFile keeps what was seen of sources.
const observedFile = "observed-sources.json"

const (
	keepSeenEvery   = 10 * time.Second
	refreshGeoEvery = time.Minute
)

// openIntake makes what holds events against the rules and limits of their sources.
func (a *App) openIntake() error {
	a.openQuota()
	var locate func(netip.Addr) (enrich.Place, bool)
	if path := a.config.Enrich.GeoDatabase; path != "" {
		var err error
		if a.geo, err = geo.Open(path); err != nil {
			return err
		}
		locate = a.geo.Locate
	}
	a.plans = &plans{app: a, of: map[string]readyPlan{}}
	a.intake = intake.New(intake.Config{Sources: a.access, Clock: a.parts.Clock, Plan: a.plans.live, Locate: locate, Refused: watch.Refusal})
	if err := a.intake.Load(a.config.Files, a.config.Path(observedFile)); err != nil {
		a.parts.Log.Warn("what was seen of sources begins anew", "error", err)
	}
	return nil
}

// keepIntake writes down what was seen and what of limits is used, and takes over
// a newer geo database.
func (a *App) keepIntake() {
	keep, refresh := time.NewTicker(keepSeenEvery), time.NewTicker(refreshGeoEvery)
	defer keep.Stop()
	defer refresh.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-keep.C:
			a.saveSeen()
		case <-refresh.C:
			if a.geo == nil {
				continue
			}
			if err := a.geo.Refresh(); err != nil {
				a.parts.Log.Warn("a newer geo database cannot be read: the one before stays in force", "error", err)
			}
		}
	}
}

func (a *App) saveSeen() {
	if err := a.intake.Save(a.config.Files, a.config.Path(observedFile)); err != nil {
		a.parts.Log.Warn("what was seen of sources was not written down", "error", err)
	}
	a.keepQuota()
}

// forgetSeen takes names that may be about an erased person out of what was
// seen, in memory, on disk and at the other nodes, and out of what people look on
// at.
func (a *App) forgetSeen() error {
	if a.door != nil { // an erasure of the ledger comes before it
		a.door.Forget()
	}
	a.intake.ForgetRare()
	if err := a.intake.Save(a.config.Files, a.config.Path(observedFile)); err != nil {
		return err
	}
	return a.shareFile(observedFile)
}

// forgetSource drops what was seen of a source, in memory, on disk and at the
// other nodes.
func (a *App) forgetSource(key string) error {
	a.intake.Forget(key)
	if err := a.intake.Save(a.config.Files, a.config.Path(observedFile)); err != nil {
		return err
	}
	return a.shareFile(observedFile)
}

// plans are the live tracking plans, compiled once for each version.
type plans struct {
	app *App
	mu  sync.RWMutex
	of  map[string]readyPlan
}

type readyPlan struct {
	version int
	plan    *plan.Plan
}

// live gives the live version of a plan; nil where there is none. A version that
// cannot be read, which the API would not have taken, asks nothing.
func (p *plans) live(key string) *plan.Plan {
	v := p.app.pipeline.Definitions().Get(definition.TrackingPlan, key).Live()
	if v == nil {
		return nil
	}
	p.mu.RLock()
	ready, ok := p.of[key]
	p.mu.RUnlock()
	if ok && ready.version == v.Version {
		return ready.plan
	}
	ready = readyPlan{version: v.Version}
	d, err := p.app.pipeline.Definition(context.Background(), v.Kind, key, v.Version)
	if err == nil {
		ready.plan, err = plan.Parse(d.Document)
	}
	if err != nil {
		p.app.parts.Log.Error("tracking plan cannot be read: it asks nothing", "plan", key, "version", v.Version, "error", err)
		return nil
	}
	p.mu.Lock()
	p.of[key] = ready
	p.mu.Unlock()
	return ready.plan
}

// withLanguages lets those who take events in know what languages the reader of
// a page likes.
func withLanguages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if languages := r.Header.Get("Accept-Language"); languages != "" && r.Header.Get("Origin") != "" {
			r = r.WithContext(intake.WithLanguages(r.Context(), languages))
		}
		next.ServeHTTP(w, r)
	})
}
