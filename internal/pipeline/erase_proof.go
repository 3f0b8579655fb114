package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Proof says what an erasure removed, and that a search afterwards found
// nothing. It names nobody.
type Proof struct {
	Identifiers  int           `json:"identifiers" doc:"How many identifiers the person had"`
	RefusedUntil clock.Instant `json:"refused_until" doc:"Events that happened up to here are refused, whenever they arrive"`
	Events       int           `json:"events" doc:"Events taken from timelines, with their copies"`
	Anchors      int           `json:"anchors" doc:"Identifiers whose whole state was removed"`
	Entities     int           `json:"entities" doc:"Orders, carts, items and accounts folded again without what the person said"`
	Others       int           `json:"others" doc:"Identifiers of other people that spoke of the person, folded again"`
	Answers      int           `json:"answers" doc:"Kept answers to commands that were removed"`
	Rows         int           `json:"rows" doc:"Rows of the state that were removed or changed, and whose files were rewritten"`
	Log          LogProof      `json:"log"`
	Late         int           `json:"late" doc:"Messages and decisions that were made of the person meanwhile, overwritten too"`
	Lake         Rewritten     `json:"lake"`
	Tables       Delisted      `json:"tables"`
	Delivered    Recalled      `json:"delivered"`
	Audiences    []Farewell    `json:"audiences" nullable:"false" doc:"Audiences that the person was a member of, each with the message that tells its destination to take the person out"`
	NoRoom       int           `json:"no_room" doc:"Records that were removed because what should stay of them had no room"`
	Returned     bool          `json:"returned" doc:"Somebody came back under one of the identifiers while it was erased"`
	Scan         ScanProof     `json:"scan"`
	Backups      []BackupRow   `json:"backups" nullable:"false" doc:"Backups that were made before and still hold the person"`
	Steps        []ProofStep   `json:"steps" nullable:"false"`
}

// LogProof counts records of the log.
type LogProof struct {
	Records     int `json:"records" doc:"Records that were read"`
	Destroyed   int `json:"destroyed" doc:"Records whose keys were destroyed, and that were overwritten"`
	Events      int `json:"events" doc:"Events under other keys that were overwritten"`
	Redacted    int `json:"redacted" doc:"Records of others from which the values were taken"`
	Derived     int `json:"derived" doc:"Records that followed from others and were overwritten"`
	Facts       int `json:"facts" doc:"Other facts that were overwritten"`
	DeadLetters int `json:"dead_letters" doc:"Dead letters of which only the reason is left"`
	Attention   int `json:"attention" doc:"Definitions and jobs that name the person: what people wrote is not changed"`
}

// ScanProof is what a search for the identifiers' values found afterwards.
type ScanProof struct {
	Files     FileScan `json:"files"`
	Records   int      `json:"records" doc:"Records that were opened and searched"`
	LogHits   int      `json:"log_hits"`
	StateRows int      `json:"state_rows" doc:"Rows that were searched"`
	StateHits int      `json:"state_hits"`
	Tables    string   `json:"tables,omitempty" doc:"Where rows were found"`
}

// FileScan is a search through the bytes of all files of the instance.
type FileScan struct {
	Files int      `json:"files"`
	Bytes int64    `json:"bytes"`
	Hits  []string `json:"hits" nullable:"false" doc:"Files in which a value stands"`
}

// BackupRow is a backup that an erasure cannot reach.
type BackupRow struct {
	ID      string        `json:"id"`
	Made    clock.Instant `json:"made_at"`
	Expires clock.Instant `json:"expires_at"`
}

// ProofStep is one step with the time it took.
type ProofStep struct {
	Name string `json:"name"`
	Ms   int64  `json:"ms"`
}

func isErased(err error) bool { return errors.Is(err, store.ErrErased) }

func bytesContain(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

// verify searches everything once more, opened and as it lies on disk.
func (e *eraser) verify(ctx context.Context) error {
	proof := &e.plan.Proof
	proof.Backups = []BackupRow{}
	if e.p.backups != nil {
		rows, err := e.p.backups()
		if err != nil {
			return err
		}
		proof.Backups = rows
	}
	scan := ScanProof{Files: FileScan{Hits: []string{}}}
	// Whom an experiment counted is counted no more.
	if err := e.p.countDoubtful(ctx, func(time.Duration) {}); err != nil {
		return err
	}
	for i := range e.p.people {
		if err := e.p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	traces := e.mentions.Traces()
	err := e.p.store.Log().Read(ctx, 0, func(r *store.Record) error {
		if r.Payload != nil && !slices.Contains(e.row.Positions, r.Position) {
			scan.Records++
			traces.Learn(r.Payload)
			if e.left(r) {
				scan.LogHits++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.verifyState(ctx, &scan, traces); err != nil {
		return err
	}
	if e.p.files != nil {
		if scan.Files, err = e.p.files(ctx, traces); err != nil {
			return err
		}
	}
	proof.Scan = scan
	if !proof.Returned && (scan.LogHits+scan.StateHits > 0 || proof.Log.Attention == 0 && len(scan.Files.Hits) > 0) {
		e.p.log.Error("an erasure left something", "request", e.row.ID, "log", scan.LogHits, "state", scan.StateHits, "tables", scan.Tables, "files", scan.Files.Hits)
	}
	return nil
}

// verifyState searches the rows of the state, and tells traces of them.
func (e *eraser) verifyState(ctx context.Context, scan *ScanProof, traces *consent.Traces) error {
	tables := map[store.Table]bool{}
	err := e.eachRow(ctx, allTables(), func(t store.Table, _ id.Bucket, key []byte, parts [][]byte) {
		scan.StateRows++
		traces.Learn(key)
		for _, part := range parts {
			traces.Learn(part)
		}
		if e.inRow(t, key, parts) && !attended(t) {
			scan.StateHits++
			tables[t] = true
		}
	})
	for _, t := range allTables() {
		if tables[t] {
			scan.Tables += string(rune(t))
		}
	}
	return err
}

// left tells whether a record should have been changed.
func (e *eraser) left(r *store.Record) bool {
	if r.Kind == store.KindDefinition || r.Kind == store.KindJob || !e.mentions.In(r.Payload) || ofErasure(r) {
		return false
	}
	if r.Kind == store.KindEvent || r.Kind == store.KindReplay {
		ev, err := e.p.decode(r.Payload)
		if err == nil && e.identifies(ev) {
			return ev.Time <= e.plan.Time
		}
	}
	return r.Position <= e.plan.Fact || made(r.Kind) && r.Position <= e.plan.Hushed
}

// ofErasure tells whether a record says whom an erasure is about. It ends with
// that erasure and with no other: what it names may be more than this person.
func ofErasure(r *store.Record) bool {
	var f privacyFact
	return r.Kind == store.KindPrivacy && json.Unmarshal(r.Payload, &f) == nil && f.Request.Type == ErasureRequest && f.Op != opErased && f.Op != opFinished
}

// attended are tables whose rows people write for everybody: they are told of,
// and theirs to change.
func attended(t store.Table) bool { return t == store.TableDefinitions || t == store.TableJobs }

func allTables() []store.Table {
	return []store.Table{
		store.TableAnchors, store.TableTimeline, store.TableSeen, store.TableEntities, store.TableKinds, store.TableNodes,
		store.TableComponents, store.TableLookup, store.TableDeadLetters, store.TableDefinitions, store.TableTimers,
		store.TableShares, store.TableMembers, store.TableHistory, store.TableTrials, store.TableAnswers, store.TableJobs, store.TableDecisions, store.TableErased,
		store.TableRequests, store.TableColumns, store.TableItems, store.TableSuppressed, store.TableCuts, store.TableMeta,
		store.TableEdges, store.TableSightings, store.TableFacts, store.TableAudit, store.TableOutbox, store.TablePassages, store.TableDisplaced,
		store.TableFlows,
	}
}

// eachRow visits every row of some tables.
func (e *eraser) eachRow(ctx context.Context, tables []store.Table, visit func(t store.Table, b id.Bucket, key []byte, parts [][]byte)) error {
	for _, t := range tables {
		at := store.SpanRange{Table: t, Span: store.AllBuckets()}
		err := e.p.store.State().ScanSpan(ctx, at, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
			visit(t, b, key, parts)
			return store.NextRow
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) inRow(_ store.Table, key []byte, parts [][]byte) bool {
	if e.mentions.In(key) {
		return true
	}
	return slices.ContainsFunc(parts, e.mentions.In)
}
