package pipeline

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// A definition is a row of the common bucket for each version: its first part
// is the version with its document, every further part a change of its status.

// versionRow is the first part of a row.
type versionRow struct {
	definition.Version
	Document []byte `json:"document"`
}

// Defined is the answer to a command on definitions.
type Defined struct {
	definition.Version
	Receipt Receipt
}

// Definitions gives all definitions as they are applied now, without their
// documents. It takes no lock.
func (p *Pipeline) Definitions() *definition.Index { return p.common.definitions.Load() }

// Definition gives one version with its document.
func (p *Pipeline) Definition(ctx context.Context, kind definition.Kind, key string, version int) (definition.Definition, error) {
	v := p.Definitions().Get(kind, key).At(version)
	if v == nil {
		return definition.Definition{}, fault.Errorf(fault.NotFound, "version_not_found", "there is no version %d of %q", version, key)
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return definition.Definition{}, err
	}
	rows, err := p.store.State().Load(ctx, []store.RowKey{{Table: store.TableDefinitions, Bucket: id.CommonBucket, Key: definitionKey(kind, key, version)}})
	if err != nil {
		return definition.Definition{}, err
	}
	row, err := readVersion(rows[0])
	return definition.Definition{Version: row.Version, Document: row.Document}, err
}

// Define decides a command against the applied versions of its key and appends
// the outcome as a fact. Another command on the same key waits until it is
// applied.
func (p *Pipeline) Define(ctx context.Context, c definition.Command) (Defined, error) {
	series := seriesOf{c.Kind, c.Key}
	turn, err := p.enterDefinition(ctx, series)
	if err != nil {
		return Defined{}, err
	}
	fact, receipt, err := p.define(ctx, c)
	if err != nil {
		p.graphLane.mu.Lock()
		if p.common.defining[series] == turn {
			p.common.leaveDefinition(series)
		}
		p.graphLane.mu.Unlock()
		return Defined{}, err
	}
	// Applying the fact ends the turn.
	if err := p.waitRecords(ctx, receipt); err != nil {
		return Defined{Receipt: receipt}, err
	}
	v := p.Definitions().Get(c.Kind, c.Key).At(fact.Version)
	if v == nil {
		return Defined{Receipt: receipt}, fmt.Errorf("version %d of %s %q was decided and is not there", fact.Version, c.Kind, c.Key)
	}
	return Defined{*v, receipt}, nil
}

func (p *Pipeline) define(ctx context.Context, c definition.Command) (definition.Fact, Receipt, error) {
	if c.Time == 0 {
		c.Time = p.clock.Now()
	}
	fact, err := p.Definitions().Get(c.Kind, c.Key).Decide(c)
	if err != nil {
		return fact, Receipt{}, err
	}
	if fact.RollbackOf != 0 {
		old, err := p.Definition(ctx, c.Kind, c.Key, fact.RollbackOf)
		if err != nil {
			return fact, Receipt{}, err
		}
		fact.Document = old.Document
	}
	payload, err := json.Marshal(fact)
	if err != nil {
		return fact, Receipt{}, err
	}
	receipt, err := p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindDefinition, Bucket: id.CommonBucket, Anchor: id.KeyOf("definition", string(c.Kind)+"\x00"+c.Key),
		Received: c.Time, Payload: payload,
	}}})
	return fact, receipt, err
}

// seriesOf names the versions of a key.
type seriesOf struct {
	kind definition.Kind
	key  string
}

// enterDefinition waits until no other command on the key is undecided.
func (p *Pipeline) enterDefinition(ctx context.Context, s seriesOf) (turn chan struct{}, err error) {
	for {
		p.graphLane.mu.Lock()
		busy := p.common.defining[s]
		if busy == nil {
			turn = make(chan struct{})
			p.common.defining[s] = turn
			p.graphLane.mu.Unlock()
			return turn, nil
		}
		p.graphLane.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, fault.Errorf(fault.Unavailable, "busy", "another change of this definition is not decided yet: %w", ctx.Err())
		}
	}
}

func (c *common) leaveDefinition(s seriesOf) {
	if done := c.defining[s]; done != nil {
		close(done)
		delete(c.defining, s)
	}
}

// define applies a change of a definition.
func (c *common) define(r *store.Record) {
	var f definition.Fact
	if err := json.Unmarshal(r.Payload, &f); err != nil {
		c.log.Error("definition cannot be read", "position", r.Position, "error", err)
		return
	}
	defer c.leaveDefinition(seriesOf{f.Kind, f.Key})
	index := c.definitions.Load()
	series, steps, err := index.Get(f.Kind, f.Key).Apply(&f)
	if err != nil {
		c.log.Error("definition cannot be applied", "position", r.Position, "error", err)
		return
	}
	for _, s := range steps {
		op, value := store.Add, any(s.Change)
		if s.Made {
			op, value = store.Put, versionRow{*series.At(s.Version), f.Document}
		}
		part, err := json.Marshal(value)
		if err != nil {
			c.log.Error("definition cannot be kept", "position", r.Position, "error", err)
			return
		}
		c.rows = append(c.rows, rows.Common(store.TableDefinitions, definitionKey(f.Kind, f.Key, s.Version), op, part))
	}
	if len(steps) == 0 {
		return
	}
	c.definitions.Store(index.With(series))
	if f.Kind == definition.IdentityRules {
		version := 0
		if v := series.Live(); v != nil {
			version = v.Version
		}
		c.graph.Rule(version, f.Time)
	}
}

// definitionKey is the row of a version: the versions of a key stand together,
// in their order.
func definitionKey(kind definition.Kind, key string, version int) []byte {
	b := append([]byte(kind), 0)
	b = append(append(b, key...), 0)
	return binary.BigEndian.AppendUint64(b, uint64(version))
}

var errNoVersion = errors.New("row of a definition is damaged")

func readVersion(parts [][]byte) (versionRow, error) {
	var row versionRow
	if len(parts) == 0 {
		return row, errNoVersion
	}
	if err := json.Unmarshal(parts[0], &row); err != nil {
		return row, fmt.Errorf("%w: %w", errNoVersion, err)
	}
	for _, part := range parts[1:] {
		var c definition.Change
		if err := json.Unmarshal(part, &c); err != nil {
			return row, fmt.Errorf("%w: %w", errNoVersion, err)
		}
		row.Changes = append(row.Changes, c)
	}
	return row, nil
}

// loadDefinitions reads what was committed.
func (c *common) loadDefinitions(ctx context.Context) error {
	index := &definition.Index{}
	var bad error
	err := c.store.State().Scan(ctx, store.Range{Table: store.TableDefinitions, Bucket: id.CommonBucket}, func(_ []byte, parts [][]byte) bool {
		var row versionRow
		if row, bad = readVersion(parts); bad != nil {
			return false
		}
		series := &definition.Series{Kind: row.Kind, Key: row.Key}
		if s := index.Get(row.Kind, row.Key); s != nil {
			series.Versions = append(series.Versions, s.Versions...)
		}
		series.Versions = append(series.Versions, row.Version)
		if evaluated(row.Kind) {
			c.library.add(edition{row.Kind, row.Key, row.Version.Version}, row.Document)
		}
		c.plans.study(&row)
		c.studyExperience(&row)
		c.book.Study(row.Kind, row.Version.Version, row.Document)
		index = index.With(series)
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("load definitions: %w", err)
	}
	c.definitions.Store(index)
	return nil
}
