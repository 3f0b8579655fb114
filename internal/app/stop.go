package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"rapport/internal/columns"
	"rapport/internal/config"
	"rapport/internal/httpapi"
	"rapport/internal/store/postgres"
)

// ErrTaken says that another node took the data. There is nothing left to save:
// whoever hears it ends at once, without Close, and the other node goes on from
// what is in the log.
var ErrTaken = errors.New("stopped at once")

// storeOptions says what the instance does about what its store tells it.
func (a *App) storeOptions(m master) storeOptions {
	return storeOptions{
		memory: int64(a.budget.Store), master: m,
		waiting: func(owner string) {
			a.parts.Log.Info("standing by: another node holds the data", "node", owner)
			a.say("standing by: node " + owner + " holds the data")
			// They may name somebody who is erased meanwhile.
			if err := errors.Join(dropImages(&a.config), dropSeen(&a.config)); err != nil {
				a.parts.Log.Error("what this node kept of people before is still there", "error", err)
			}
			if a.parts.Standby != nil {
				a.parts.Standby(a.URL())
			}
		},
		lost: func(err error) {
			a.say("stopping: another node holds the data")
			select {
			case a.failed <- fmt.Errorf("%w: %w", ErrTaken, err):
			default: // it is failing already
			}
		},
	}
}

// Handler answers whatever the instance serves.
func (a *App) Handler() http.Handler {
	serve := http.HandlerFunc(a.serve)
	if a.cluster == nil {
		return a.proxies.Handler(serve)
	}
	return a.cluster.relay.Handler(serve, a.proxies.Handler(serve))
}

func (a *App) serve(w http.ResponseWriter, r *http.Request) {
	h := a.gate.enter()
	if h == nil {
		if a.cluster != nil {
			a.cluster.standby.ServeHTTP(w, r)
			return
		}
		httpapi.Starting(a.ready).ServeHTTP(w, r)
		return
	}
	defer a.gate.leave()
	h.ServeHTTP(w, r)
}

// serving lets requests in: the instance is ready.
func (a *App) serving() {
	h := a.answer
	if a.cluster != nil {
		a.registry().Say(roleHolder)
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			defer context.AfterFunc(a.inside, cancel)()
			defer cancel()
			a.answer.ServeHTTP(w, r.WithContext(ctx))
		})
	}
	a.state.Store(nil)
	a.gate.open(h)
	if a.cluster != nil {
		a.cluster.relay.Look()
	}
}

// Close stops an instance in the reverse order of its start: no new requests,
// those under way are finished, what waits is applied, everything is durable.
// The context bounds how long requests may take. It is safe to call twice.
func (a *App) Close(ctx context.Context) error {
	a.closing.Do(func() { a.closed = a.close(ctx) })
	return a.closed
}

func (a *App) close(ctx context.Context) error {
	a.say("stopping")
	a.stopping.Store(true)
	registry := a.registry()
	if registry != nil {
		registry.Say(postgres.Stopping)
	}
	a.drain(ctx)
	close(a.stop)
	defer a.cutShort()
	var errs []error
	// Where another node can take over, this one goes on listening until it has,
	// also where it was about to serve: what waits here waits for that.
	handing := a.store != nil && registry != nil && registry.Others()
	if handing {
		a.handOver(ctx)
	} else {
		errs = append(errs, a.shutdown(ctx))
	}
	a.background.Wait()
	errs = append(errs, a.closeParts(ctx))
	if handing {
		pause(ctx, linger)
		errs = append(errs, a.shutdown(ctx))
	}
	if registry != nil {
		registry.Close(context.WithoutCancel(ctx))
	}
	return errors.Join(errs...)
}

// drain goes on answering for a while, so that whoever asks /readyz sends
// nothing more. To a node that never answered nothing was sent.
func (a *App) drain(ctx context.Context) {
	if a.config.HTTP.Drain == 0 || !a.holds() && a.registry() == nil {
		return
	}
	pause(ctx, a.config.HTTP.Drain)
}

// linger is how long a node that gave the data up tells other nodes so, until
// each of them has seen who has it now: to close a connection on which a request
// is coming would leave its sender in doubt.
const linger = time.Second

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// shutdown stops listening, once the requests under way are answered.
func (a *App) shutdown(ctx context.Context) error {
	if a.server == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, a.config.HTTP.StopTimeout)
	defer cancel()
	err := a.server.Shutdown(limit)
	if err != nil {
		a.parts.Log.Warn("requests under way were cut off", "error", err)
		err = a.server.Close()
	}
	<-a.served
	return err
}

// closeParts makes everything durable and gives the data up.
func (a *App) closeParts(ctx context.Context) error {
	var errs []error
	if a.imports != nil {
		a.imports.Close()
	}
	if a.jobs != nil {
		a.jobs.Close()
	}
	if a.outbox != nil {
		a.outbox.Close()
	}
	if a.assigner != nil {
		a.assigner.Close()
	}
	if a.intake != nil {
		a.saveSeen()
	}
	if a.responder != nil {
		a.responder.Close()
	}
	if a.decider != nil {
		a.decider.Close()
		a.outside.Close()
	}
	if a.lake != nil && a.pipeline != nil {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), lakeTimeout)
		if err := a.lake.Close(limit); err != nil {
			a.parts.Log.Warn("the lake is not written to the end; the next start goes on", "error", err)
		}
		cancel()
	}
	if a.tables != nil && a.pipeline != nil {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), lakeTimeout)
		if err := a.tables.Close(limit); err != nil {
			a.parts.Log.Warn("the tables for analysts are not written to the end; the next start goes on", "error", err)
		}
		cancel()
	}
	if a.door != nil {
		a.door.Close()
	}
	if a.pipeline != nil {
		// Where the disk is full what waits cannot be applied: the next start
		// folds it from the log.
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		if err := a.pipeline.Close(drain); err != nil {
			errs = append(errs, fmt.Errorf("stopping the pipeline: %w", err))
		}
		cancel()
	}
	if a.audit != nil {
		a.audit.Close()
		errs = append(errs, a.access.KeepUses())
	}
	if a.cluster != nil && a.cluster.shelf != nil {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharePatience)
		if err := a.cluster.shelf.bring(limit); err != nil {
			a.parts.Log.Warn("the files that all nodes share are not in the database to the end", "error", err)
		}
		cancel()
	}
	a.closeTracing(ctx)
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the store: %w", err))
		}
	}
	return errors.Join(errs...)
}

const (
	drainTimeout = time.Minute
	lakeTimeout  = 10 * time.Second
)

// dropImages removes the images of the columnar index: it is built again.
func dropImages(c *config.Config) error {
	images, err := columns.OpenFolder(c.Files, c.Path(columnsFolder))
	if err != nil {
		return err
	}
	return images.Drop()
}

// dropSeen removes what was seen of sources: the node that holds the data has it.
func dropSeen(c *config.Config) error {
	if err := os.Remove(c.Path(observedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what was seen of sources: %w", err)
	}
	return nil
}

// shareFile brings a file to the other nodes, where there are any, before what it
// says counts as done.
func (a *App) shareFile(name string) error {
	if a.cluster == nil || a.cluster.shelf == nil {
		return nil
	}
	return a.cluster.shelf.share(name)
}

// untilStop is a context that ends when the instance stops.
func (a *App) untilStop() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-a.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
