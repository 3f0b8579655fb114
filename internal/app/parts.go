package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"rapport/internal/access"
	"rapport/internal/columns"
	"rapport/internal/config"
	"rapport/internal/consent"
	"rapport/internal/dialect/evergage"
	"rapport/internal/dialect/segment"
	"rapport/internal/dialect/sitecore"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/graph"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/policy"
	"rapport/internal/store"
)

func (p Parts) filled() Parts {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Clock == nil {
		p.Clock = time.Now
	}
	if p.Entropy == nil {
		p.Entropy = rand.Reader
	}
	if p.Version == "" {
		p.Version = "dev"
	}
	return p
}

// fill draws randomness. A system that has none left cannot go on.
func (p Parts) fill(b []byte) {
	if _, err := io.ReadFull(p.Entropy, b); err != nil {
		panic(fmt.Errorf("drawing randomness: %w", err))
	}
}

func pipelineConfig(ctx context.Context, c *config.Config, b config.Budget, p Parts, r *access.Register, m master) (pipeline.Config, error) {
	key, err := instanceKey(ctx, c, p, m)
	if err != nil {
		return pipeline.Config{}, err
	}
	images, err := columns.OpenFolder(c.Files, c.Path(columnsFolder))
	if err != nil {
		return pipeline.Config{}, err
	}
	queue := b.Queues
	if c.Queue.Bytes > 0 {
		queue = c.Queue.Bytes
	}
	book := graph.NewRulebook(identity.DefaultRules())
	return pipeline.Config{
		Mappers:     mappers(book, browserKey(key)),
		Sources:     newSources(r).info,
		Book:        book,
		Clock:       p.Clock,
		Random:      p.fill,
		Log:         p.Log,
		InstanceKey: key,
		Ledger:      erasures{files: c.Files, path: c.Path(erasuresFile)},
		Files:       scanFiles(c),
		Backups:     olderBackups(c),
		Lanes:       min(max(runtime.GOMAXPROCS(0), 2), 32),
		HotBytes:    int(b.People),
		QueueBytes:  int(queue),
		QueueTime:   c.Queue.Time,
		Columns:     pipeline.IndexOptions{Index: columns.New(int(b.Columns)), Files: images},
	}, nil
}

func mappers(book *graph.Rulebook, key evergage.Key) map[string]event.Mapper {
	return map[string]event.Mapper{
		segment.Dialect:  book.Mapper(segment.NewMapper),
		sitecore.Dialect: book.Mapper(sitecore.NewMapper),
		evergage.Dialect: book.Mapper(func(rules identity.Rules) event.Mapper { return evergage.NewMapper(rules, key) }),
		consent.Dialect:  book.Mapper(consent.NewMapper),
		policy.Dialect:   policy.NewMapper(),
	}
}

// Rebuild throws the derived state of an instance that is not running away and
// folds it again from its log.
func Rebuild(ctx context.Context, c config.Config, parts Parts, progress func(done, end store.Position)) (err error) {
	parts = parts.filled()
	budget := config.NewBudget(c.Memory)
	if _, err := os.Stat(c.Path(storeFolder)); err != nil && !c.Postgres() {
		return fault.Errorf(fault.NotFound, "no_data", "%s holds no data: give the folder with --data", c.Data)
	}
	if err := OpenFolder(&c, parts); err != nil {
		return err
	}
	register, _, err := access.Open(c.Files, c.Data, parts.Clock, parts.Entropy)
	if err != nil {
		return err
	}
	m, err := masterKey(&c, parts)
	if err != nil {
		return err
	}
	pc, err := pipelineConfig(ctx, &c, budget, parts, register, m)
	if err != nil {
		return err
	}
	if pc.Store, err = openStore(ctx, &c, parts, storeOptions{memory: int64(budget.Store), master: m}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pc.Store.Close()) }()
	// What the columns were made of is made again: so are they, by the next start.
	if err := pc.Columns.Files.Drop(); err != nil {
		return err
	}
	pc.Columns = pipeline.IndexOptions{}
	return pipeline.Rebuild(ctx, pc, progress)
}
