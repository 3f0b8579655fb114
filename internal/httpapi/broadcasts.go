package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/broadcast"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/outbox"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// Broadcasts is what the API asks of those who send broadcasts.
type Broadcasts interface {
	broadcastWords
	broadcastViews
}

type broadcastWords interface {
	CheckBroadcast(ctx context.Context, key string, document []byte) error
	TellBroadcast(ctx context.Context, key string, version int, what, who string) error
	DueBroadcast(ctx context.Context, key string) (q schedule.Request, ok bool, err error)
	TestBroadcast(ctx context.Context, key string, version int, ask *outbox.BroadcastTrial) (*outbox.BroadcastShown, error)
	PreviewMessage(ctx context.Context, ask *outbox.MessageTrial) (*outbox.MessageShown, error)
}

type broadcastViews interface {
	StandingOf(ctx context.Context, key string) (*outbox.BroadcastStanding, error)
	ReportOf(ctx context.Context, key string) (*outbox.BroadcastReport, error)
	ShowBroadcast(ctx context.Context, key string, version int, ask *outbox.BroadcastTrial) (*outbox.BroadcastShown, error)
	AudienceOf(ctx context.Context, key string, version int, cursor string) (*outbox.BroadcastAudience, error)
}

const broadcastsPath = "/broadcasts"

// BroadcastView is one version of a broadcast, and how far it has come.
type BroadcastView struct {
	Key     string              `json:"key"`
	Version int                 `json:"version" doc:"Counted from 1"`
	Changes []definition.Change `json:"changes" doc:"What became of the version, oldest first"`

	Standing outbox.BroadcastStanding `json:"standing"`
	broadcast.Broadcast
}

// BroadcastKey names a broadcast in a path.
type BroadcastKey struct {
	Key string `path:"key" maxLength:"100" doc:"Letters, digits, dots, hyphens, underscores"`
}

// BroadcastVersion names a version of a broadcast.
type BroadcastVersion struct {
	BroadcastKey
	Version int `query:"version" minimum:"1" doc:"Left out: the one that is sent, else the newest"`
}

func (a *API) broadcastRoutes() {
	at := func(id, method, path, summary, scope string) spec {
		return spec{id: id, method: method, path: broadcastsPath + path, tag: "broadcasts", summary: summary, scope: scope, status: http.StatusOK}
	}
	put := at("put-broadcast", http.MethodPut, "/{key}", "Add a version of a broadcast; nothing is sent by that", access.ScopeWrite)
	put.body, put.also = broadcast.Broadcast{}, []int{http.StatusCreated}
	register(a, put, a.putBroadcast)
	register(a, at("list-broadcasts", http.MethodGet, "", "All broadcasts, with their newest versions and how far they have come", access.ScopeRead), a.listBroadcasts)
	register(a, at("get-broadcast", http.MethodGet, "/{key}", "One version of a broadcast", access.ScopeRead), a.getBroadcast)
	register(a, at("list-broadcast-versions", http.MethodGet, "/{key}/versions", "The versions, newest first", access.ScopeRead), a.broadcastVersions)
	show := at("preview-broadcast", http.MethodPost, "/{key}/preview", "The message as it would be for a real person, and whether the person would get it", access.ScopeRead)
	show.body = outbox.BroadcastTrial{}
	register(a, show, func(ctx context.Context, in *broadcastAsked) (*body[outbox.BroadcastShown], error) {
		return a.tryBroadcast(ctx, in, a.Broadcasts.ShowBroadcast)
	})
	test := at("test-broadcast", http.MethodPost, "/{key}/test", "Send the message once, as it is for a real person, to the person or to somebody else", access.ScopeWrite)
	test.body = outbox.BroadcastTrial{}
	register(a, test, func(ctx context.Context, in *broadcastAsked) (*body[outbox.BroadcastShown], error) {
		return a.tryBroadcast(ctx, in, a.Broadcasts.TestBroadcast)
	})
	register(a, at("get-broadcast-audience", http.MethodGet, "/{key}/audience", "Who will get it, and why others will not", access.ScopeRead), a.broadcastAudience)
	register(a, at("get-broadcast-report", http.MethodGet, "/{key}/report", "What became of it: sent, delivered, bounced, opened, clicked, unsubscribed, and who did not get it", access.ScopeRead), a.broadcastReport)
	template := at("preview-message", http.MethodPost, "", "What a template writes about a real person; a variable that is not there is named", access.ScopeRead)
	template.path, template.body = "/messages/preview", outbox.MessageTrial{}
	register(a, template, a.previewMessage)
	for _, c := range [...]struct{ what, summary string }{
		{"approve", "Approve a version, by somebody else than who made it"},
		{"send", "Send it: at its time, else now"},
		{"pause", "Let what is not sent yet wait"},
		{"resume", "Go on"},
		{"stop", "Give it up: what is not sent yet will not be. One that has not begun becomes a draft again"},
	} {
		register(a, at(c.what+"-broadcast", http.MethodPost, "/{key}/"+c.what, c.summary, access.ScopeWrite), func(ctx context.Context, in *BroadcastVersion) (*stored[BroadcastView], error) {
			return a.tellBroadcast(ctx, in, c.what)
		})
	}
}

type broadcastAsked struct {
	BroadcastVersion
	RawBody []byte
}

func (a *API) tryBroadcast(
	ctx context.Context, in *broadcastAsked, do func(context.Context, string, int, *outbox.BroadcastTrial) (*outbox.BroadcastShown, error),
) (*body[outbox.BroadcastShown], error) {
	var ask outbox.BroadcastTrial
	if err := strictly(in.RawBody, &ask); err != nil {
		return nil, err
	}
	if ask.Profile == "" {
		return nil, fault.Errorf(fault.Invalid, "profile_missing", "say about whom: give profile, as a profile id or namespace:value").At("/profile")
	}
	shown, err := do(ctx, in.Key, in.Version, &ask)
	if err != nil {
		return nil, err
	}
	if shown.Problem = told(ctx, shown.Problem); shown.Sent != nil {
		shown.Sent.Reason = told(ctx, shown.Sent.Reason)
	}
	return &body[outbox.BroadcastShown]{*shown}, nil
}

func (a *API) previewMessage(ctx context.Context, in *struct{ RawBody []byte }) (*body[outbox.MessageShown], error) {
	var ask outbox.MessageTrial
	if err := strictly(in.RawBody, &ask); err != nil {
		return nil, err
	}
	shown, err := a.Broadcasts.PreviewMessage(ctx, &ask)
	if err != nil {
		return nil, err
	}
	return &body[outbox.MessageShown]{*shown}, nil
}

// broadcastVersion finds a version with its document; 0 is the newest.
func (a *API) broadcastVersion(ctx context.Context, key string, version int) (*definition.Version, []byte, error) {
	s := a.Spine.Definitions().Get(definition.Broadcast, key)
	if s.Newest() == nil {
		return nil, nil, fault.Errorf(fault.NotFound, "broadcast_not_found", "there is no broadcast %q: PUT %s%s/%s makes one", key, prefix[:len(prefix)-1], broadcastsPath, key)
	}
	v, err := s.Pick(version)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, key, v.Version)
	return v, d.Document, err
}

func (a *API) viewBroadcast(ctx context.Context, v *definition.Version, document []byte) (BroadcastView, error) {
	view := BroadcastView{Key: v.Key, Version: v.Version, Changes: v.Changes}
	b, err := broadcast.Read(document)
	if err != nil {
		return view, err
	}
	view.Broadcast = *b
	standing, err := a.Broadcasts.StandingOf(ctx, v.Key)
	if err == nil {
		view.Standing = *standing
	}
	return view, err
}

func (a *API) putBroadcast(ctx context.Context, in *struct {
	BroadcastKey
	DefinitionWrite
	RawBody []byte
},
) (*stored[BroadcastView], error) {
	document := append([]byte(nil), in.RawBody...)
	if err := a.Broadcasts.CheckBroadcast(ctx, in.Key, document); err != nil {
		return nil, err
	}
	c := in.command(in.Key, definition.Live, document, "application/json")
	c.Kind = definition.Broadcast
	return define(ctx, a, in.Waiting, broadcastsPath+"/"+in.Key, c, func(v *definition.Version) (BroadcastView, error) {
		return a.viewBroadcast(ctx, v, document)
	})
}

func (a *API) listBroadcasts(ctx context.Context, in *Paging) (*body[List[BroadcastView]], error) {
	page, err := pageOf(a.Spine.Definitions().List(definition.Broadcast), func(s *definition.Series) string { return s.Key }, *in)
	if err != nil {
		return nil, err
	}
	out := pipeline.Page[BroadcastView]{Next: page.Next}
	for _, s := range page.Items {
		v, d, err := a.broadcastVersion(ctx, s.Key, 0)
		if err != nil {
			return nil, err
		}
		view, err := a.viewBroadcast(ctx, v, d)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, view)
	}
	return &body[List[BroadcastView]]{listOf(out)}, nil
}

func (a *API) getBroadcast(ctx context.Context, in *BroadcastVersion) (*stored[BroadcastView], error) {
	v, d, err := a.broadcastVersion(ctx, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	view, err := a.viewBroadcast(ctx, v, d)
	return &stored[BroadcastView]{Status: http.StatusOK, ETag: v.ETag(), Body: view}, err
}

func (a *API) broadcastVersions(ctx context.Context, in *struct {
	BroadcastKey
	Paging
},
) (*body[List[VersionView]], error) {
	if _, _, err := a.broadcastVersion(ctx, in.Key, 0); err != nil {
		return nil, err
	}
	return versionsOf(a.Spine.Definitions().Get(definition.Broadcast, in.Key), in.Paging)
}

func (a *API) broadcastAudience(ctx context.Context, in *struct {
	BroadcastVersion
	Cursor string `query:"cursor" maxLength:"2048" doc:"next of the answer before, where that was not complete"`
},
) (*body[outbox.BroadcastAudience], error) {
	out, err := a.Broadcasts.AudienceOf(ctx, in.Key, in.Version, in.Cursor)
	if err != nil {
		return nil, err
	}
	return &body[outbox.BroadcastAudience]{*out}, nil
}

func (a *API) broadcastReport(ctx context.Context, in *BroadcastKey) (*body[outbox.BroadcastReport], error) {
	if _, _, err := a.broadcastVersion(ctx, in.Key, 0); err != nil {
		return nil, err
	}
	out, err := a.Broadcasts.ReportOf(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	return &body[outbox.BroadcastReport]{*out}, nil
}

// tellBroadcast takes a word on a broadcast, and begins it where that is due.
func (a *API) tellBroadcast(ctx context.Context, in *BroadcastVersion, what string) (*stored[BroadcastView], error) {
	if err := a.Broadcasts.TellBroadcast(ctx, in.Key, in.Version, what, author(ctx)); err != nil {
		return nil, err
	}
	q, due, err := a.Broadcasts.DueBroadcast(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	if due {
		if _, err := a.Jobs.Submit(ctx, q); err != nil {
			return nil, err
		}
	}
	return a.getBroadcast(ctx, &BroadcastVersion{BroadcastKey: in.BroadcastKey, Version: in.Version})
}
