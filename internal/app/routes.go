package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"rapport/console"
	"rapport/internal/access"
	"rapport/internal/dialect/decide"
	"rapport/internal/dialect/evergage"
	"rapport/internal/dialect/links"
	"rapport/internal/dialect/ofrep"
	"rapport/internal/dialect/segment"
	"rapport/internal/dialect/sitecore"
	"rapport/internal/dialect/web"
	"rapport/internal/httpapi"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
)

const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	writeTimeout   = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// routes is everything the instance serves: the tracking door at its own
// paths, the API at all others.
func (a *App) routes() http.Handler {
	track, decisions := a.trackDoor(), a.decideDoor()
	pages := a.webDoor(track, decisions)
	api := httpapi.New(httpapi.Deps{
		Spine: a.pipeline, Live: a.door, Jobs: a.jobs, Health: a.physician, Alerts: a.alarms, Decider: a.decider, Responder: a.responder, Outbox: a.outbox, Broadcasts: a.outbox, Lake: a.lakeForAPI(), Imports: a.imports, Seal: a.sealSecret, Access: a.access, Sessions: a.sessions, Audit: a.audit, Tickets: a.tickets, OpenID: a.openID, PublicURL: a.config.HTTP.PublicURL, Seen: a.intake, Quota: a.quota, Tracker: &tracker{a, a.tracked}, Webhooks: a.webhooks, Experiments: a.assigner, Snippets: snippets{pages}, Metrics: a.metrics, Log: a.parts.Log, Clock: a.parts.Clock,
		Ready: a.ready, Role: a.role, NewID: a.newID, Version: a.parts.Version, CheckMapping: checkMapping, BackupURL: a.config.Backup.URL, ReadOnly: a.config.ReadOnly,
		Backups: copies{a},
		Views:   access.OpenViews(a.access),
		Limits: httpapi.Limits{
			Body: int64(a.config.HTTP.MaxBodyBytes), ReadTimeout: a.config.HTTP.ReadTimeout,
			Wait: a.config.Wait.Timeout, MaxWait: a.config.Wait.MaxTimeout,
		},
	})
	a.throttle.full, a.throttle.turn = a.pipeline.Full, a.pipeline.Turn
	mux := http.NewServeMux()
	through := func(limit func(http.Handler) http.Handler, door http.Handler, patterns []string) {
		for _, pattern := range patterns {
			mux.Handle(pattern, limit(withLanguages(door)))
		}
	}
	open := func(door http.Handler, patterns []string) { through(a.throttle.before, door, patterns) }
	ask := func(door http.Handler, patterns []string) { through(a.throttle.answering, door, patterns) }
	open(track, segment.Patterns())
	ask(decisions, decide.Patterns())
	open(pages, web.Patterns())
	ask(pages, web.DecisionPatterns())
	// The library's files hold no memory: a page gets them whatever comes in.
	mux.Handle("GET "+web.Prefix, pages)
	guests := a.sitecore()
	open(guests, sitecore.Patterns())
	ask(guests, sitecore.DecisionPatterns())
	open(a.evergage(), append(evergage.TrackingPatterns(), evergage.KeyPatterns()...))
	ask(a.ofrep(), ofrep.Patterns())
	// Some addresses of tokens lie below those of the doors of others.
	for _, path := range httpapi.TokenPaths() {
		mux.Handle(path, api.Handler())
	}
	// Links are followed by people: they are never told to come again later.
	for _, pattern := range links.Patterns() {
		mux.Handle(pattern, a.linkDoor())
	}
	mux.Handle(console.Prefix, console.Handler(a.parts.Entropy))
	mux.Handle("GET /{$}", http.RedirectHandler(console.Prefix, http.StatusFound))
	mux.Handle("/", api.Handler())
	outer := httpapi.Outer(mux, a.metrics, a.parts.Log, a.parts.Entropy)
	if a.tracing != nil {
		return a.tracing.Handler(outer)
	}
	return outer
}

func (a *App) trackDoor() *segment.Door {
	keys := keyring{a.access}
	return segment.New(segment.Config{
		Accept: a.gated(), Keys: keys, Book: today{a.pipeline}, Now: a.parts.Clock, Random: a.parts.fill, Tokens: keys,
		PublicURL: a.config.HTTP.PublicURL,
	})
}

func (a *App) newID() string {
	var b [12]byte
	a.parts.fill(b[:])
	return hex.EncodeToString(b[:])
}

// listen binds the address and serves at once; until the instance is ready the
// answer is that it is starting.
func (a *App) listen(ctx context.Context) error {
	var err error
	a.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", a.config.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s (RAPPORT_LISTEN or --listen takes another address): %w", a.config.Listen, err)
	}
	a.server = &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       a.config.HTTP.ReadTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.parts.Log.Handler(), slog.LevelDebug),
	}
	if err := a.secure(); err != nil {
		return err
	}
	go func() {
		defer close(a.served)
		serve := a.server.Serve
		if a.certificates != nil {
			serve = func(l net.Listener) error { return a.server.ServeTLS(l, "", "") }
		}
		if err := serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("serving: %w", err)
		}
	}()
	return nil
}

// today gives the door the identity rules as they are applied.
type today struct{ pipeline *pipeline.Pipeline }

// Current are the rules of today.
func (t today) Current() *identity.Rules { return t.pipeline.Rules() }
