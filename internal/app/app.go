// Package app puts the parts of an instance together, starts them in order and
// stops them in reverse. It never holds a rule of the product itself.
package app

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/assigner"
	"rapport/internal/backup"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/decider"
	"rapport/internal/dialect/segment"
	"rapport/internal/disk"
	"rapport/internal/egress"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/health"
	"rapport/internal/httpapi"
	"rapport/internal/ingress"
	"rapport/internal/lake"
	"rapport/internal/lake/tables"
	"rapport/internal/message/link"
	"rapport/internal/outbox"
	"rapport/internal/pipeline"
	"rapport/internal/quota"
	"rapport/internal/responder"
	"rapport/internal/schedule"
	"rapport/internal/source/connection"
	"rapport/internal/source/geo"
	"rapport/internal/source/imports"
	"rapport/internal/source/intake"
	"rapport/internal/store"
	"rapport/internal/telemetry"
	"rapport/internal/telemetry/otlp"
	"rapport/internal/watch"
)

// Parts are what an instance takes from outside. Zero values are filled in:
// no log, the machine's clock, the system's randomness.
type Parts struct {
	Log     *slog.Logger
	Clock   clock.Clock
	Entropy io.Reader
	Version string
	// Standby is told the address once the node passes requests to another that
	// holds the data; nil: nobody is.
	Standby func(url string)
	// Store takes the place of the one that the settings name, and is closed with
	// the instance; nil: none does.
	Store store.Store
}

// App is a running instance.
type App struct {
	config   config.Config
	budget   config.Budget
	parts    Parts
	setup    access.Setup
	access   *access.Register
	sessions *access.Sessions // the members who signed in
	audit    *access.Audit    // what is noted of everybody
	tickets  *access.Tickets  // of those who are signing in
	openID   *httpapi.OpenID  // nil: members do not sign in at a provider
	erased   chan struct{}    // somebody was erased: the ledger has to reach the backups
	ledger   sync.Mutex       // over reading the ledger and bringing it there
	metrics  *telemetry.Metrics
	tracing  *otlp.Tracing // nil: nobody traces

	store     store.Store
	pipeline  *pipeline.Pipeline
	door      *watch.Door // before the pipeline: people look on here
	jobs      *schedule.Runner
	physician *physician
	alarms    *alarms
	decider   *decider.Decider
	responder *responder.Responder
	outside   *connection.Client
	outbox    *outbox.Outbox
	assigner  *assigner.Assigner
	egress    *egress.Policy
	lake      *lake.Lake     // nil: none
	tables    *tables.Tables // nil: none
	intake    *intake.Intake
	quota     *quota.Gate
	tracked   event.Mapper // of the tracking protocol
	webhooks  *hooks
	rebuilt   rebuild // at this start; of nobody: there was none
	plans     *plans
	geo       *geo.Database // nil: none
	listener  net.Listener
	// proxies are believed, certificates answered with; nil: plain HTTP.
	proxies      ingress.Proxies
	certificates *ingress.Certificates
	server       *http.Server
	throttle     throttle
	links        *link.Maker // nil: messages have no links that lead back
	vault        cipher.AEAD // secrets of connections
	instanceKey  [16]byte    // ids are made with it
	imports      *imports.Door
	served       chan struct{} // closed when the server has ended
	failed       chan error    // why the server ended by itself

	gate       gate
	cluster    *cluster               // nil: the data is in the data folder
	stopping   atomic.Bool            // it takes nothing over any more
	cutShort   context.CancelFunc     // ends the requests that are inside
	inside     context.Context        //nolint:containedctx // ends with them
	state      atomic.Pointer[string] // why the instance is not ready; nil once it is
	answer     http.Handler
	stop       chan struct{}
	background sync.WaitGroup
	closing    sync.Once
	closed     error
}

// Open starts an instance: when it returns, the instance is ready. It listens
// before that, so that /readyz can say what is still being done.
func Open(ctx context.Context, c config.Config, parts Parts) (*App, error) {
	a := &App{
		config: c, budget: config.NewBudget(c.Memory), parts: parts.filled(),
		served: make(chan struct{}), failed: make(chan error, 1), erased: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	a.inside, a.cutShort = context.WithCancel(context.WithoutCancel(ctx))
	a.throttle.maxRequests, a.throttle.maxBytes = int64(c.Queue.Requests), int64(a.budget.HTTP)
	a.metrics = telemetry.NewMetrics(a.parts.Version)
	a.describeNodes()
	a.say("starting: opening the data")
	err := a.open(ctx)
	if err != nil {
		return nil, errors.Join(err, a.Close(context.WithoutCancel(ctx)))
	}
	a.serving()
	return a, nil
}

func (a *App) open(ctx context.Context) (err error) {
	if err := disk.MakeFolder(vfs.Default, a.config.Data); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if err := OpenFolder(&a.config, a.parts); err != nil {
		return err
	}
	if _, err := os.Stat(a.config.Path(copyFile)); err == nil {
		return unfinishedCopy(a.config.Data)
	}
	if _, err := os.Stat(a.config.Path(backup.Unfinished)); err == nil {
		return fault.Errorf(fault.Conflict, "unfinished_restore", "%s holds a restore that was cut off: empty it and restore again", a.config.Data)
	}
	if err := markFormat(&a.config, a.parts.Version); err != nil {
		return err
	}
	if a.access, _, err = access.Open(a.config.Files, a.config.Data, a.parts.Clock, a.parts.Entropy); err != nil {
		return err
	}
	if err := a.openEgress(); err != nil {
		return err
	}
	if err := a.openTracing(ctx); err != nil {
		return err
	}
	m, err := masterKey(&a.config, a.parts)
	if err != nil {
		return err
	}
	a.openRelay(m)
	if err := a.listen(ctx); err != nil {
		return err
	}
	if err := a.join(ctx); err != nil {
		return err
	}
	// The instance key is made before the store, so that a store without one
	// has lost it.
	pc, err := pipelineConfig(ctx, &a.config, a.budget, a.parts, a.access, m)
	if err != nil {
		return err
	}
	pc.Ledger = erasures{a.config.Files, a.config.Path(erasuresFile), a.tellLedger, a.shareFile}
	if a.store, err = openStore(ctx, &a.config, a.parts, a.storeOptions(m)); err != nil {
		return err
	}
	if err := a.openShelf(ctx); err != nil {
		return err
	}
	if a.setup, err = a.access.Prepare(a.config.WriteKey, a.config.SecretKey); err != nil {
		return err
	}
	if a.sessions, err = access.OpenSessions(a.access); err != nil {
		return err
	}
	if a.audit, err = access.OpenAudit(a.access); err != nil {
		return err
	}
	if err := a.openSignIn(); err != nil {
		return err
	}
	if err := a.openIntake(); err != nil {
		return err
	}
	if err := a.rebuildWanted(ctx, m); err != nil {
		return err
	}
	if err := a.openLake(&pc); err != nil {
		return err
	}
	a.openTables(&pc)
	pc.Store, pc.Intake, pc.Forget, pc.Silence, pc.Recall, pc.Audiences, pc.Remakes = a.store, a.take, a.forgetSeen, a.silence, a.recall, audiences{a}, a.remakes()
	a.pipeline, err = pipeline.Open(ctx, pc, func(done, end store.Position) {
		a.say(fmt.Sprintf("starting: replaying the log, at %d of %d", done, end))
	})
	if err != nil {
		return fmt.Errorf("starting the pipeline: %w", err)
	}
	a.door = watch.New(a.pipeline, a.parts.Clock)
	a.instanceKey = pc.InstanceKey
	a.observe()
	a.jobs = schedule.New(schedule.Deps{Keeper: a.pipeline, Clock: a.parts.Clock, Random: a.parts.fill, Log: a.parts.Log, Tracer: a.tracer()})
	a.jobs.Register(httpapi.JobPrivacy, a.doPrivacy)
	a.jobs.Register(httpapi.JobSourceRemoval, a.removeSource)
	a.jobs.Register(httpapi.JobRetention, a.expire)
	a.jobs.Schedule(a.expiryDue)
	a.jobs.Register(httpapi.JobDemo, a.doDemo)
	a.jobs.Schedule(a.orphans)
	a.jobs.Register(httpapi.JobBackup, a.doBackup)
	a.jobs.Register(httpapi.JobBackupVerify, a.doVerify)
	a.jobs.Schedule(a.backupsDue)
	if err := a.openDecider(pc.InstanceKey); err != nil {
		return err
	}
	a.openWebhooks(pc.Mappers[segment.Dialect])
	if err := a.openResponder(pc.InstanceKey); err != nil {
		return err
	}
	if err := a.openImports(pc.Mappers[segment.Dialect]); err != nil {
		return err
	}
	if err := a.openLinks(); err != nil {
		return err
	}
	if err := a.openExperiments(); err != nil {
		return err
	}
	a.openOutbox()
	a.startLake()
	a.startTables()
	a.openHealth()
	h := a.routes()
	a.answer = h // for jobs that go through it; nobody else comes in yet
	if err := a.jobs.Start(ctx); err != nil {
		return fmt.Errorf("starting the background jobs: %w", err)
	}
	if !a.config.ReadOnly {
		a.imports.Start(ctx)
	}
	a.background.Go(a.watchAccess)
	a.background.Go(a.followLedger)
	a.background.Go(a.keepIntake)
	a.background.Go(a.keepHealth)
	a.background.Go(a.keepCertificates)
	if a.cluster != nil {
		a.background.Go(a.keepShelf)
	}
	return nil
}

// URL is where the instance listens.
func (a *App) URL() string {
	if a.certificates != nil {
		return "https://" + a.Addr()
	}
	return "http://" + a.Addr()
}

// Addr is the address on which the instance listens.
func (a *App) Addr() string { return a.listener.Addr().String() }

// Setup is what the first start made.
func (a *App) Setup() access.Setup { return a.setup }

// Welcome is the address at which the first member signs up; empty where
// somebody can sign in already.
func (a *App) Welcome() string {
	if a.setup.Welcome == "" {
		return ""
	}
	return a.URL() + access.WelcomePath + a.setup.Welcome
}

// Decider answers decision models, for tests.
func (a *App) Decider() *decider.Decider { return a.decider }

// Health is how the instance is, for tests.
func (a *App) Health(ctx context.Context) health.HealthReport { return a.physician.Report(ctx) }

// Pipeline is the spine, for tests.
func (a *App) Pipeline() *pipeline.Pipeline { return a.pipeline }

// Failed tells why the instance stopped serving by itself.
func (a *App) Failed() <-chan error { return a.failed }

// say sets why the instance is not ready.
func (a *App) say(why string) { a.state.Store(&why) }

func (a *App) ready() error {
	if why := a.state.Load(); why != nil {
		return errors.New(*why)
	}
	return a.cutOff()
}

// watchAccess takes over keys that the keys command changed beside the server.
func (a *App) watchAccess() {
	every := time.NewTicker(accessInterval)
	defer every.Stop()
	watcher := a.access.Watch()
	for {
		select {
		case <-a.stop:
			return
		case <-every.C:
		}
		if err := watcher.Check(); err != nil {
			a.parts.Log.Error("changed keys cannot be taken over", "error", err)
		}
		if err := a.access.KeepUses(); err != nil {
			a.parts.Log.Warn("when keys were used is not written down", "error", err)
		}
		if err := a.audit.Catch(); err != nil {
			a.parts.Log.Warn("entries of the audit log wait for room", "error", err)
		}
	}
}

const accessInterval = time.Second
