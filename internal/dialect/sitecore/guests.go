package sitecore

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

func (d *Door) guestRoutes() {
	for _, v := range [...]string{"/v2", "/v2.1"} {
		d.mux.Handle("GET "+v+"/guests", d.serve(false, (*call).listGuests))
		d.mux.Handle("POST "+v+"/guests", d.serve(true, (*call).createGuest))
		d.mux.Handle("GET "+v+"/guests/{ref}", d.serve(false, (*call).getGuest))
		d.mux.Handle("DELETE "+v+"/guests/{ref}", d.serve(true, (*call).deleteGuest))
	}
	d.mux.Handle("POST /v2/guests/{ref}", d.serve(true, (*call).patchGuest))
	d.mux.Handle("PATCH /v2.1/guests/{ref}", d.serve(true, (*call).patchGuest))
	d.mux.Handle("PUT /v2.1/guests/{ref}", d.serve(true, (*call).putGuest))
}

var errGuest = fault.Errorf(fault.NotFound, "guest_not_found", "there is no guest with this ref")

// person reads the person that the ref of the address leads to.
func (c *call) person(ctx context.Context, ref string) (*profile.View, error) {
	id, ok := profileOf(ref)
	if !ok {
		return nil, errGuest
	}
	v, err := c.door.People.Profile(ctx, id, pipeline.ProfileOptions{})
	if err != nil && statusOf(err) == http.StatusNotFound {
		return nil, errGuest
	}
	return v, err
}

func (c *call) getGuest() (reply, error) {
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.guestOf(v, c.PathValue("ref"))}, nil
}

// createGuest takes a new guest. Whether it is somebody who is known already
// the identity rules decide, as everywhere.
func (c *call) createGuest() (reply, error) {
	var shared guestShared
	rules := c.door.Book.Current()
	at := event.Event{Time: c.door.Now.Now()}
	kept, _ := rules.Choose(identifiersOf(c.body, &at))
	if len(kept) == 0 {
		kept = []event.Identifier{{Namespace: guestNamespace, Value: c.door.newID()}}
		shared.Who = kept
	}
	if err := c.fitsKnown(kept); err != nil {
		return reply{}, err
	}
	if err := c.write(c.body, &shared); err != nil {
		return reply{}, err
	}
	ref := refOf(c.door.Ref(kept[0]))
	v, err := c.person(c.Context(), ref)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, c.guestOf(v, ref)}, nil
}

// fitsKnown tells whether what a new guest brings has room with somebody who is known
// by its identifiers already.
func (c *call) fitsKnown(who []event.Identifier) error {
	known, err := c.door.People.Known(c.Context(), [][]event.Identifier{who})
	if err != nil {
		return err
	}
	for _, v := range known[0] {
		if v == nil {
			continue
		}
		if err := overfull(v.Traits, nil, c.body); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) patchGuest() (reply, error) { return c.updateGuest(nil) }

// putGuest replaces a guest: what the body leaves out is taken away, but for
// its extensions, which have addresses of their own.
func (c *call) putGuest() (reply, error) {
	return c.updateGuest(func(v *profile.View) (clear []string) {
		for name := range v.Traits {
			if _, own := guestNames[name]; own && !c.body.Get(name).Exists() {
				clear = append(clear, name)
			}
		}
		return clear
	})
}

func (c *call) updateGuest(clears func(*profile.View) []string) (reply, error) {
	ref := c.PathValue("ref")
	v, err := c.person(c.Context(), ref)
	if err != nil {
		return reply{}, err
	}
	shared := guestShared{Who: c.anchor(v)}
	if clears != nil {
		shared.Clear = clears(v)
		slices.Sort(shared.Clear)
	}
	if err := overfull(v.Traits, shared.Clear, c.body); err != nil {
		return reply{}, err
	}
	if err := c.write(c.body, &shared); err != nil {
		return reply{}, err
	}
	if v, err = c.person(c.Context(), ref); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.guestOf(v, ref)}, nil
}

// anchor is the strongest identifier of a person: to which what is said of it
// by its ref belongs.
func (c *call) anchor(v *profile.View) []event.Identifier {
	rules := c.door.Book.Current()
	best := v.Identifiers[0].Identifier
	for _, i := range v.Identifiers {
		if rules.Compare(i.Identifier, best) < 0 {
			best = i.Identifier
		}
	}
	return []event.Identifier{best}
}

// deleteGuest erases the person.
func (c *call) deleteGuest() (reply, error) {
	v, err := c.person(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	if err := c.door.People.Erase(c.Context(), v.ID, c.caller.ID); err != nil {
		return reply{}, err
	}
	return reply{http.StatusNoContent, nil}, nil
}

// guestOf shows a person as a guest.
func (c *call) guestOf(v *profile.View, ref string) item {
	if ref == "" {
		ref = refOf(v.ID)
	}
	ref = strings.ToLower(ref)
	out := item{
		"ref": ref, "href": c.href("/" + c.version() + "/guests/" + ref), "guestType": "customer", "identifiers": identifiersIn(v),
		"extensions": c.extensionsOf(v, ref),
	}
	if v.Anonymous {
		out["guestType"] = "visitor"
	}
	for name, at := range map[string]*clock.Instant{
		"createdAt": v.Computed.FirstReceived, "modifiedAt": v.Computed.LastSeen, "firstSeen": v.Computed.FirstSeen, "lastSeen": v.Computed.LastSeen,
	} {
		if at != nil {
			out[name] = *at
		}
	}
	for name, value := range v.Traits {
		if _, own := guestNames[name]; own {
			out[name] = value
		}
	}
	return out
}

// identifiersIn are a person's identifiers as a guest has them: without those
// of browsers, and without the handle of a guest that came without any.
func identifiersIn(v *profile.View) []item {
	out := []item{}
	for _, i := range v.Identifiers {
		if i.Namespace != event.AnonymousID && i.Namespace != guestNamespace {
			out = append(out, item{"provider": i.Namespace, "id": i.Value, "createdAt": i.FirstSeen, "modifiedAt": i.LastSeen})
		}
	}
	return out
}

// extensionsOf groups the traits of extensions, by name and key.
func (c *call) extensionsOf(v *profile.View, ref string) []item {
	groups := map[string]item{}
	for trait, value := range v.Traits {
		head, name, ok := strings.Cut(trait, "_")
		if !ok || !strings.HasPrefix(head, "ext") {
			continue
		}
		x, known := groups[head]
		if !known {
			ext, key, other := strings.Cut(head, ".")
			if !other {
				key = defaultKey
			}
			x = item{"name": ext, "key": key, "ref": head, "href": c.extensionHref(ref, head)}
			groups[head] = x
		}
		x[name] = value
	}
	out := make([]item, 0, len(groups))
	for _, head := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, groups[head])
	}
	return out
}

func (c *call) extensionHref(ref, head string) string {
	if c.version() == "v2" {
		name, _, _ := strings.Cut(head, ".")
		return c.href("/v2/guests/" + ref + "/" + name + "/" + head)
	}
	return c.href("/v2.1/guests/" + ref + "/extensions/" + head)
}

// listGuests finds guests.
func (c *call) listGuests() (reply, error) {
	p, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	var who *event.Identifier
	if provider, value := c.query.Get("identifiers.provider"), c.query.Get("identifiers.id"); provider != "" || value != "" {
		if provider == "" || value == "" {
			return reply{}, fault.Errorf(fault.Invalid, "invalid_search", "identifiers.provider and identifiers.id belong together; send both")
		}
		who = &event.Identifier{Namespace: namespaceOf(provider), Value: value}
	}
	for _, s := range [...][2]string{{"email", event.Email}, {"phoneNumber", event.Phone}} {
		if value := c.query.Get(s[0]); value != "" {
			who = &event.Identifier{Namespace: s[1], Value: value}
		}
	}
	if who == nil {
		return c.scanGuests(p)
	}
	items := []item{}
	v, err := c.door.People.Profile(c.Context(), who.String(), pipeline.ProfileOptions{})
	if err != nil && statusOf(err) != http.StatusNotFound {
		return reply{}, err
	}
	if err == nil && c.fits(v) {
		items = append(items, c.guestOf(v, ""))
	}
	return reply{http.StatusOK, c.page(items, p)}, nil
}

// fits tells whether a person has the names that are asked for.
func (c *call) fits(v *profile.View) bool {
	for _, name := range [...]string{"firstName", "lastName"} {
		want := c.query.Get(name)
		if want == "" {
			continue
		}
		doc, err := jsondoc.Parse(bytes.Clone(v.Traits[name]), jsondoc.DefaultLimits())
		if err != nil || !strings.EqualFold(doc.Root().Text(), want) {
			return false
		}
	}
	return true
}

// scanGuests goes through everybody, as far as the part that is asked for.
func (c *call) scanGuests(p paging) (reply, error) {
	if c.query.Get("firstName")+c.query.Get("lastName") != "" || len(p.sort) > 0 {
		return c.searchGuests(p)
	}
	items, at := []item{}, 0
	err := c.eachGuest(func(id string) (more bool, err error) {
		if at++; at > p.offset {
			items, err = c.addGuest(items, id)
		}
		return len(items) <= p.limit, err
	})
	if err != nil {
		return reply{}, err
	}
	more := len(items) > p.limit
	return reply{http.StatusOK, c.collection(items[:min(len(items), p.limit)], p, -1, more)}, nil
}

// searchGuests looks at everybody, by name or in another order, where there
// are not too many to look at.
func (c *call) searchGuests(p paging) (reply, error) {
	items, at := []item{}, 0
	err := c.eachGuest(func(id string) (more bool, err error) {
		if at++; at > deepest {
			return false, fault.Errorf(fault.Invalid, "search_too_wide", "there are more than %d guests to look through by name or to sort: search by email, phoneNumber or identifiers", deepest)
		}
		items, err = c.addGuest(items, id)
		return true, err
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.page(items, p)}, nil
}

// eachGuest visits everybody's id until visit wants no more.
func (c *call) eachGuest(visit func(id string) (more bool, err error)) error {
	for cursor := ""; ; {
		page, err := c.door.People.People(c.Context(), cursor, largestPage)
		if err != nil {
			return err
		}
		for _, id := range page.Items {
			if more, err := visit(id); err != nil || !more {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// addGuest adds a person to a list, if it is who is asked for.
func (c *call) addGuest(items []item, id string) ([]item, error) {
	v, err := c.door.People.Profile(c.Context(), id, pipeline.ProfileOptions{})
	switch {
	case err != nil && statusOf(err) == http.StatusNotFound:
		return items, nil
	case err != nil:
		return nil, err
	case c.fits(v):
		items = append(items, c.guestOf(v, ""))
	}
	return items, nil
}
