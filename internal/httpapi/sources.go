package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// SourceKey names a source in a path.
type SourceKey struct {
	Key string `path:"key" maxLength:"64" doc:"The source's key"`
}

// SourceView is a source as the API shows it.
type SourceView struct {
	Key         string                   `json:"key"`
	Name        string                   `json:"name"`
	Kind        string                   `json:"kind"`
	Priority    uint8                    `json:"priority"`
	Historical  bool                     `json:"historical"`
	Verified    bool                     `json:"verified"`
	Disabled    bool                     `json:"disabled"`
	ItemActions *catalog.MappingDocument `json:"item_actions" doc:"null: the reserved mapping"`
	WriteKeys   []access.WriteKey        `json:"write_keys" nullable:"false"`
	Clients     []access.OAuthClient     `json:"oauth_clients" nullable:"false"`
	SourceRules
	Version   int    `json:"version" doc:"Of the access document that last changed it"`
	ChangedAt string `json:"changed_at" format:"date-time"`
}

// SourceBody is what a source is made or replaced with.
type SourceBody struct {
	Name        string                   `json:"name" minLength:"1" maxLength:"200" doc:"For people"`
	Kind        string                   `json:"kind" enum:"web,mobile,server,import,other"`
	Priority    *uint8                   `json:"priority,omitempty" doc:"Of two sources that say the same time, the larger wins; 100 unless given"`
	Historical  bool                     `json:"historical,omitempty" doc:"Loads the past: its events cause no effects"`
	Verified    bool                     `json:"verified,omitempty" doc:"Its own servers vouch for the identifiers it sends"`
	Disabled    bool                     `json:"disabled,omitempty" doc:"Its keys are refused"`
	ItemActions *catalog.MappingDocument `json:"item_actions,omitempty" doc:"Overrides the reserved mapping for this source"`
	SourceRules
	Clients []ClientBody `json:"oauth_clients,omitempty" maxItems:"50" doc:"Left out: as before"`
}

// ClientBody is a client that signs assertions.
type ClientBody struct {
	ID        string `json:"id" minLength:"1" maxLength:"128"`
	PublicKey string `json:"public_key" maxLength:"8192" doc:"RSA, at least 2048 bits, PEM"`
}

type sourceAnswer struct {
	Status int
	ETag   string `header:"ETag"`
	Applied
	Body SourceView
}

func (a *API) sourceRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: "/sources" + path, tag: "sources", summary: summary, scope: scope, status: http.StatusOK}
	}
	register(a, at("list-sources", http.MethodGet, "", "All sources", access.ScopeRead), a.listSources)
	register(a, at("get-source", http.MethodGet, "/{key}", "One source", access.ScopeRead), a.getSource)
	put := at("put-source", http.MethodPut, "/{key}", "Make or replace a source", access.ScopeAdmin)
	put.also = []int{http.StatusCreated}
	register(a, put, a.putSource)
	register(a, at("add-write-key", http.MethodPost, "/{key}/write-keys", "One more write key for a source", access.ScopeAdmin), a.addWriteKey)
	remove := at("revoke-write-key", http.MethodDelete, "/{key}/write-keys/{write_key}", "Refuse a write key from now on", access.ScopeAdmin)
	remove.status = http.StatusNoContent
	register(a, remove, a.revokeWriteKey)
	a.sourceRuleRoutes(at)
	a.sourceRemovalRoutes()
}

func viewOf(s *access.Source) (SourceView, error) {
	v := SourceView{
		Key: s.Key, Name: s.Name, Kind: s.Kind, Priority: s.Priority, Historical: s.Historical, Verified: s.Verified,
		Disabled: s.Disabled, WriteKeys: s.WriteKeys, Clients: s.Clients, Version: s.Version, ChangedAt: s.Changed,
	}
	v.SourceRules = rulesOf(s)
	if v.WriteKeys == nil {
		v.WriteKeys = []access.WriteKey{}
	}
	if v.Clients == nil {
		v.Clients = []access.OAuthClient{}
	}
	if m := s.Mapping(); m != nil {
		v.ItemActions = &catalog.MappingDocument{}
		return v, json.Unmarshal(m, v.ItemActions)
	}
	return v, nil
}

func (a *API) listSources(_ context.Context, in *Paging) (*body[List[SourceView]], error) {
	all := a.Access.Index().Document().Sources
	page, err := pageOf(all, func(s access.Source) string { return s.Key }, *in)
	if err != nil {
		return nil, err
	}
	views := pipeline.Page[SourceView]{Next: page.Next}
	for i := range page.Items {
		v, err := viewOf(&page.Items[i])
		if err != nil {
			return nil, err
		}
		views.Items = append(views.Items, v)
	}
	return &body[List[SourceView]]{listOf(views)}, nil
}

func (a *API) getSource(_ context.Context, in *SourceKey) (*sourceAnswer, error) {
	s := a.Access.Index().Source(in.Key)
	if s == nil {
		return nil, noSource(in.Key)
	}
	return answerSource(s, http.StatusOK)
}

func answerSource(s *access.Source, status int) (*sourceAnswer, error) {
	v, err := viewOf(s)
	return &sourceAnswer{Status: status, ETag: sourceTag(s), Body: v}, err
}

func sourceTag(s *access.Source) string { return `"` + strconv.Itoa(s.Version) + `"` }

func (a *API) putSource(ctx context.Context, in *struct {
	SourceKey
	IfMatch     string `header:"If-Match" maxLength:"100" doc:"Write only if the source has this ETag"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"100" doc:"*: write only if there is no such source"`
	Waiting
	Body SourceBody
},
) (*sourceAnswer, error) {
	b := in.Body
	s := access.Source{
		Key: in.Key, Name: b.Name, Kind: b.Kind, Priority: access.DefaultPriority, Historical: b.Historical,
		Verified: b.Verified, Disabled: b.Disabled,
	}
	if b.Priority != nil {
		s.Priority = *b.Priority
	}
	if b.ItemActions != nil {
		text, err := json.Marshal(b.ItemActions)
		if err != nil {
			return nil, err
		}
		if err := a.CheckMapping(text); err != nil {
			return nil, err
		}
		s.ItemActions = string(text)
	}
	if b.Clients != nil {
		s.Clients = make([]access.OAuthClient, len(b.Clients))
		for i, c := range b.Clients {
			s.Clients[i] = access.OAuthClient{ID: c.ID, PublicKey: c.PublicKey}
		}
	}
	var err error
	if s.Rules, err = a.readRules(&b.SourceRules); err != nil {
		return nil, err
	}
	check := func(old *access.Source) error { return precondition(old, in.IfMatch, in.IfNoneMatch) }
	stored, created, err := a.Access.PutSource(author(ctx), s, check)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	out, err := answerSource(&stored, status)
	out.Applied = in.done()
	return out, err
}

// precondition holds a source against the headers of a write.
func precondition(old *access.Source, ifMatch, ifNoneMatch string) error {
	tag := ""
	if old != nil {
		tag = sourceTag(old)
	}
	if ifMatch != "" && (old == nil || strings.TrimSpace(ifMatch) != "*" && !matches(ifMatch, tag)) {
		return fault.Errorf(fault.Precondition, "etag_mismatch", "the source is not the one that If-Match names: get it, and write again with its ETag").At("If-Match")
	}
	if ifNoneMatch != "" && old != nil && matches(ifNoneMatch, tag) {
		return fault.Errorf(fault.Precondition, "exists_already", "the source exists and If-None-Match says it should not").At("If-None-Match")
	}
	return nil
}

func noSource(key string) error {
	return fault.Errorf(fault.NotFound, "unknown_source", "no source %q: GET %ssources lists them", key, prefix)
}

// WriteKeyBody is a write key that somebody brings along.
type WriteKeyBody struct {
	Key     string         `json:"key,omitempty" pattern:"^[A-Za-z0-9_-]{8,128}$" doc:"Left out: made. One that the source has gets these origins and limits"`
	Origins []string       `json:"origins,omitempty" maxItems:"100" doc:"Web origins that pages may send from with the key, such as https://shop.example.com or https://*.example.com; left out: any"`
	Limits  *access.Limits `json:"limits,omitempty" doc:"How many events may come with it, beside what bounds the source"`
}

func (a *API) addWriteKey(ctx context.Context, in *struct {
	SourceKey
	Waiting
	Body WriteKeyBody
},
) (*changed[access.WriteKey], error) {
	k, err := a.Access.AddWriteKey(author(ctx), in.Key, access.WriteKey{Key: in.Body.Key, Origins: in.Body.Origins, Limits: in.Body.Limits})
	if err != nil {
		return nil, err
	}
	return &changed[access.WriteKey]{in.done(), k}, nil
}

func (a *API) revokeWriteKey(ctx context.Context, in *struct {
	SourceKey
	WriteKey string `path:"write_key" maxLength:"128"`
	Waiting
},
) (*decided, error) {
	if s := a.Access.Index().Source(in.Key); s == nil {
		return nil, noSource(in.Key)
	}
	return &decided{in.done()}, a.Access.RevokeWriteKey(author(ctx), in.Key, in.WriteKey)
}
