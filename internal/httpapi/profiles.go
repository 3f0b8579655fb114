package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// Ref names a person in a path.
type Ref struct {
	Ref string `path:"ref" maxLength:"2048" doc:"A profile id, or namespace:value with the value percent-encoded"`
}

// ProfileDocument is the shape of a profile, for the OpenAPI document.
type ProfileDocument struct {
	ID          string           `json:"id"`
	Anonymous   bool             `json:"anonymous" doc:"Nobody said yet who this is"`
	Identifiers []IdentifierDoc  `json:"identifiers" nullable:"false"`
	Traits      map[string]any   `json:"traits"`
	Computed    profile.Computed `json:"computed" doc:"What the events come to"`
	Segments    []string         `json:"segments" nullable:"false"`
	Affinities  map[string]any   `json:"affinities,omitempty" doc:"What the person likes, by dimension, in percent"`
	Consent     map[string]any   `json:"consent"`
	Lineage     *profile.Lineage `json:"lineage,omitempty" doc:"With include=lineage: where each trait came from"`
}

// IdentifierDoc is one way to call a person.
type IdentifierDoc struct {
	Namespace string `json:"namespace"`
	Value     string `json:"value"`
	FirstSeen string `json:"first_seen" format:"date-time"`
	LastSeen  string `json:"last_seen" format:"date-time"`
}

// TimelineFilter narrows a timeline; several values of one filter mean any.
type TimelineFilter struct {
	Type       []string `query:"type" maxItems:"20" enum:"track,identify,page,screen,group,alias" doc:"Kinds of call"`
	Name       []string `query:"name,explode" maxItems:"50" doc:"Names of events, pages, screens; may come several times"`
	ItemAction []string `query:"item_action,explode" maxItems:"50" doc:"Item actions, such as Add To Cart; may come several times"`
	Channel    []string `query:"channel" maxItems:"20" doc:"Channels, such as web"`
	From       string   `query:"from" doc:"First instant, RFC 3339"`
	To         string   `query:"to" doc:"First instant after, RFC 3339"`
	Order      string   `query:"order" enum:"desc,asc" default:"desc" doc:"desc: newest first"`
}

type body[T any] struct{ Body T }

func (a *API) profileRoutes() {
	get := func(id, path, summary string) spec {
		return spec{id: id, method: http.MethodGet, path: path, tag: "profiles", summary: summary, scope: access.ScopeRead, status: http.StatusOK}
	}
	one := get("get-profile", "/profiles/{ref}", "One person")
	one.returns = ProfileDocument{}
	register(a, one, a.getProfile)
	register(a, get("list-timeline", "/profiles/{ref}/timeline", "What a person did"), a.listTimeline)
	register(a, get("list-profile-segments", "/profiles/{ref}/segments", "How a person stands to every segment, why, and when it came in and left"), a.listSegments)
	register(a, get("get-identity", "/profiles/{ref}/identity", "Why these identifiers are one person"), a.getIdentity)
	register(a, get("search-profiles", "/profiles", "People by the beginning of an identifier, or by parts of a name or e-mail address"), a.searchProfiles)
}

func (a *API) getProfile(ctx context.Context, in *struct {
	Ref
	Include []string `query:"include" enum:"lineage" doc:"lineage: also where each value came from"`
},
) (*body[any], error) {
	view, err := a.Spine.Profile(ctx, in.Ref.Ref, pipeline.ProfileOptions{Lineage: len(in.Include) > 0})
	if err != nil {
		return nil, err
	}
	return &body[any]{view}, nil
}

func (a *API) listTimeline(ctx context.Context, in *struct {
	Ref
	TimelineFilter
	Paging
},
) (*body[List[profile.Item]], error) {
	q := pipeline.TimelineQuery{
		Filter:    profile.Filter{Types: in.Type, Names: in.Name, ItemActions: in.ItemAction, Channels: in.Channel},
		Ascending: in.Order == "asc", Limit: in.Limit, Cursor: in.Cursor,
	}
	var err error
	if q.From, err = instant("from", in.From); err != nil {
		return nil, err
	}
	if q.To, err = instant("to", in.To); err != nil {
		return nil, err
	}
	page, err := a.Spine.Timeline(ctx, in.Ref.Ref, q)
	if err != nil {
		return nil, err
	}
	return &body[List[profile.Item]]{listOf(page)}, nil
}

func (a *API) listSegments(ctx context.Context, in *struct {
	Ref
	Segment string `query:"segment" maxLength:"128" doc:"Key of the one to explain; left out: all"`
},
) (*body[*pipeline.PersonSegments], error) {
	out, err := a.Spine.PersonSegments(ctx, in.Ref.Ref, in.Segment)
	if err != nil {
		return nil, err
	}
	return &body[*pipeline.PersonSegments]{out}, nil
}

func (a *API) getIdentity(ctx context.Context, in *struct{ Ref }) (*body[*pipeline.IdentityView], error) {
	view, err := a.Spine.Identity(ctx, in.Ref.Ref)
	if err != nil {
		return nil, err
	}
	return &body[*pipeline.IdentityView]{view}, nil
}

// FoundPeople is a page of a search for people.
type FoundPeople struct {
	Items    []pipeline.ProfileSummary `json:"items" nullable:"false"`
	Next     *string                   `json:"next" doc:"cursor of the next page, null on the last"`
	Coverage float64                   `json:"coverage" doc:"The part of the people who are found by what they are called; below 1 while their columns are made, as during a large load. By identifiers everybody is found"`
}

func (a *API) searchProfiles(ctx context.Context, in *struct {
	Query string `query:"query" maxLength:"512" doc:"Beginning of an identifier's value, or namespace:beginning, or parts of a name or e-mail address; case does not matter. By parts somebody is found once their columns are made: coverage says of how many they are"`
	Paging
},
) (*body[FoundPeople], error) {
	query := strings.TrimSpace(in.Query)
	if query == "" {
		return nil, fault.Errorf(fault.Invalid, "missing_query", "query is empty: give the beginning of an identifier, such as query=jane@, or a part of a name").At("query")
	}
	look, _ := ctx.Value(sightKey{}).(sight)
	found, err := a.Spine.Search(ctx, pipeline.SearchQuery{Query: query, Cursor: in.Cursor, Limit: in.Limit, Hidden: look.hidden})
	if err != nil {
		return nil, err
	}
	list := listOf(found.Page)
	return &body[FoundPeople]{FoundPeople{list.Items, list.Next, found.Coverage}}, nil
}

// instant reads a time of a query.
func instant(name, text string) (clock.Instant, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fault.Errorf(fault.Invalid, "invalid_time", "%s %q is no time: give RFC 3339, such as 2026-01-31T12:00:00Z (in an address, + is %%2B)", name, text).At(name)
	}
	return clock.From(t), nil
}
