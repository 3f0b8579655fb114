package sitecore

import (
	"net/http"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// What a guest context goes back: as far as the original's.
const (
	contextAge      = 90 * 24 * time.Hour
	contextEvents   = 1_000
	contextSessions = 100
)

func (d *Door) contextRoutes() {
	d.mux.Handle("GET /v2/guestContexts", d.serve(false, (*call).browserContext))
	d.mux.Handle("GET /v2/guestContexts/{ref}", d.serve(false, (*call).guestContext))
	for _, v := range [...]string{"/v2", "/v2.1"} {
		d.mux.Handle("GET "+v+"/guests/{ref}/sessions", d.serve(false, (*call).listSessions))
		d.mux.Handle("GET "+v+"/guests/{ref}/sessions/{session}", d.serve(false, (*call).getSession))
	}
}

func (c *call) guestContext() (reply, error) {
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	return c.contextOf(v)
}

func (c *call) browserContext() (reply, error) {
	browser := c.query.Get("browserRef")
	if browser == "" {
		return reply{}, fault.Errorf(fault.Invalid, "missing_browser_ref", "browserRef is missing; send the id of a browser")
	}
	v, err := c.door.People.Profile(c.Context(), event.Identifier{Namespace: event.AnonymousID, Value: browser}.String(), pipeline.ProfileOptions{})
	if err != nil && statusOf(err) == http.StatusNotFound {
		err = errGuest
	}
	if err != nil {
		return reply{}, err
	}
	return c.contextOf(v)
}

// contextOf is a guest with what it did and bought.
func (c *call) contextOf(v *profile.View) (reply, error) {
	ref := refOf(v.ID)
	out := c.guestOf(v, ref)
	out["href"] = c.href("/v2/guestContexts/" + ref)
	out["dataExtensions"] = out["extensions"]
	delete(out, "extensions")
	memberships := []item{}
	for _, key := range v.Segments {
		memberships = append(memberships, item{"ref": key, "name": key})
	}
	out["segmentMemberships"] = memberships
	sessions, err := c.sessions(v)
	if err != nil {
		return reply{}, err
	}
	shown := make([]item, 0, len(sessions))
	for _, s := range sessions {
		shown = append(shown, s.view(ref))
	}
	out["sessions"] = shown
	ids, err := c.door.People.PersonOrders(c.Context(), v.ID)
	if err != nil {
		return reply{}, err
	}
	if out["orders"], err = c.ordersOf(ids); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, out}, nil
}

// sessions are the newest sessions of a person.
func (c *call) sessions(v *profile.View) ([]*session, error) {
	now := c.door.Now.Now()
	page, err := c.door.People.Timeline(c.Context(), v.ID, pipeline.TimelineQuery{
		Filter: profile.Filter{From: max(now.Add(-contextAge), clock.Instant(1))}, Limit: contextEvents,
	})
	if err != nil {
		return nil, err
	}
	all := sessionsOf(page.Items, now, c.door.Timeout)
	return all[:min(len(all), contextSessions)], nil
}

func (c *call) listSessions() (reply, error) {
	p, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	ref := c.PathValue("ref")
	v, err := c.person(c.Context(), ref)
	if err != nil {
		return reply{}, err
	}
	all, err := c.sessions(v)
	if err != nil {
		return reply{}, err
	}
	items := make([]item, 0, len(all))
	for _, s := range all {
		shown := s.view(ref)
		shown["href"] = c.href(c.URL.EscapedPath() + "/" + s.ref())
		items = append(items, shown)
	}
	return reply{http.StatusOK, c.page(items, p)}, nil
}

func (c *call) getSession() (reply, error) {
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	all, err := c.sessions(v)
	if err != nil {
		return reply{}, err
	}
	for _, s := range all {
		if s.ref() == c.PathValue("session") {
			return reply{http.StatusOK, s.view(c.PathValue("ref"))}, nil
		}
	}
	return reply{}, fault.Errorf(fault.NotFound, "session_not_found", "the guest has no session with this ref among its newest %d", contextSessions)
}
