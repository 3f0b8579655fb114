package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/dialect/segment"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
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

const (
	storeFolder     = "store"
	instanceKeyFile = "instance-key"
)

func openStore(c *config.Config, b config.Budget, p Parts) (store.Store, error) {
	s, err := embedded.Open(c.Path(storeFolder), embedded.Options{
		MemoryBudget: int64(b.Store),
		Random:       p.Entropy,
		Report:       func(err error) { p.Log.Error("store", "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("opening the data in %s: %w", c.Path(storeFolder), err)
	}
	return s, nil
}

func pipelineConfig(c *config.Config, b config.Budget, p Parts, r *access.Register) (pipeline.Config, error) {
	key, err := instanceKey(c, p)
	if err != nil {
		return pipeline.Config{}, err
	}
	queue := b.Queues
	if c.Queue.Bytes > 0 {
		queue = c.Queue.Bytes
	}
	return pipeline.Config{
		Mappers:     mappers(),
		Sources:     newSources(r).info,
		Rules:       identity.DefaultRules(),
		Clock:       p.Clock,
		Random:      p.fill,
		Log:         p.Log,
		InstanceKey: key,
		Lanes:       min(max(runtime.GOMAXPROCS(0), 2), 32),
		HotBytes:    int(b.People),
		QueueBytes:  int(queue),
	}, nil
}

func mappers() map[string]event.Mapper {
	return map[string]event.Mapper{segment.Dialect: segment.NewMapper(identity.DefaultRules())}
}

// instanceKey is the key that profile ids are made with. It is made with the
// data and must stay with it.
func instanceKey(c *config.Config, p Parts) (key [16]byte, err error) {
	path := c.Path(instanceKeyFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		b, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(b) != len(key) {
			return key, fault.Errorf(fault.Internal, "instance_key", "%s is damaged: restore it from a backup, profile ids depend on it", path)
		}
		return [16]byte(b), nil
	case !errors.Is(err, fs.ErrNotExist):
		return key, fmt.Errorf("reading the instance key: %w", err)
	}
	if _, err := os.Stat(c.Path(storeFolder)); err == nil {
		return key, fault.Errorf(fault.Internal, "instance_key", "%s is missing: restore it from a backup, profile ids depend on it", path)
	}
	p.fill(key[:])
	if err := access.WriteFile(path, []byte(hex.EncodeToString(key[:])+"\n")); err != nil {
		return key, fmt.Errorf("keeping the instance key: %w", err)
	}
	return key, nil
}

// Rebuild throws the derived state of an instance that is not running away and
// folds it again from its log.
func Rebuild(ctx context.Context, c config.Config, parts Parts, progress func(done, end store.Position)) (err error) {
	parts = parts.filled()
	budget := config.NewBudget(c.Memory)
	if _, err := os.Stat(c.Path(storeFolder)); err != nil {
		return fault.Errorf(fault.NotFound, "no_data", "%s holds no data: give the folder with --data", c.Data)
	}
	register, _, err := access.Open(c.Data, parts.Clock, parts.Entropy)
	if err != nil {
		return err
	}
	pc, err := pipelineConfig(&c, budget, parts, register)
	if err != nil {
		return err
	}
	if pc.Store, err = openStore(&c, budget, parts); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pc.Store.Close()) }()
	return pipeline.Rebuild(ctx, pc, progress)
}
