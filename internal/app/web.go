package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/dialect"
	"rapport/internal/dialect/decide"
	"rapport/internal/dialect/web"
	"rapport/internal/httpapi"
	library "rapport/sdk/web"
)

// trackPath is where batches of pages go.
const trackPath = "/v1/b"

// webDoor serves the web library, and hands on what it sends.
func (a *App) webDoor(track, decisions http.Handler) *web.Door {
	key := hmac.New(sha256.New, a.instanceKey[:])
	_, _ = key.Write([]byte("settings of the web library")) // it never fails
	pages := webPages{a.access}
	return web.New(web.Config{
		Files: library.File, Version: library.Version, Settings: pages.settings, Origins: pages.origins, Key: key.Sum(nil), Random: a.parts.fill,
		Track: track, TrackPath: trackPath, Decide: decisions, DecidePath: decide.Path,
	})
}

// webPages show the door of the web library the register as it wants to see it.
type webPages struct{ register *access.Register }

func (p webPages) settings(key string) (web.Settings, bool) {
	s := p.register.Index().WriteKey(key)
	if key == "" || s == nil {
		return web.Settings{}, false
	}
	out := web.Settings{Key: key}
	if w := s.Web; w != nil {
		out.Consent, out.GPC, out.Domains, out.Budget = w.Consent, w.GPC, w.Domains, w.BudgetMS
		if w.NoPages {
			out.Pages = new(bool)
		}
		for _, slot := range w.Slots {
			out.Slots = append(out.Slots, web.Slot(slot))
		}
	}
	return out, true
}

func (p webPages) origins(key string) (dialect.Origins, bool) {
	index := p.register.Index()
	if key == "" || index.WriteKey(key) == nil {
		return nil, false
	}
	return originsOf(index, key), true
}

// snippets tell the API how pages load the library.
type snippets struct{ door *web.Door }

// Snippet is that of a write key.
func (s snippets) Snippet(writeKey, base string) (*httpapi.WebSnippet, error) {
	of, err := s.door.Snippet(writeKey, base)
	if err != nil {
		return nil, err
	}
	return &httpapi.WebSnippet{
		WriteKey: writeKey, Version: of.Version, URL: of.URL, Integrity: of.Integrity, HTML: of.HTML, LatestURL: of.LatestURL,
		ModuleURL: of.Module, MarkupURL: of.Markup, MarkupIntegrity: of.MarkupIntegrity,
		PanelsURL: of.Panels, PanelsIntegrity: of.PanelsIntegrity,
	}, nil
}
