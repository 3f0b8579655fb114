package pipeline

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// The types of privacy request.
const (
	AccessRequest  = "access"
	ErasureRequest = "erasure"
)

// The states of a privacy request.
const (
	requestQueued  = "queued"
	requestRunning = "running"
	requestDone    = "done"
)

// PrivacyRequest is a request of a person as the API shows it. It names nobody.
type PrivacyRequest struct {
	ID          string         `json:"id"`
	Type        string         `json:"type" enum:"access,erasure"`
	State       string         `json:"state" enum:"queued,running,done,failed"`
	Author      string         `json:"author" doc:"Id of the key that asked"`
	Created     clock.Instant  `json:"created_at"`
	Finished    *clock.Instant `json:"finished_at"`
	Identifiers int            `json:"identifiers" doc:"How many identifiers it names, and once it runs how many the person has"`
	Step        string         `json:"step,omitempty" doc:"What is being done now"`
	Done        int            `json:"steps_done"`
	Total       int            `json:"steps"`
	Error       string         `json:"error,omitempty"`
	Suppress    []string       `json:"suppress,omitempty" doc:"Suppression lists on which the keyed hashes of the erased addresses and numbers are; they are on no other"`
	Proof       *Proof         `json:"proof,omitempty" doc:"Of an erasure that is done"`
}

// privacyFact is the payload of KindPrivacy. Identifiers stand only in records
// that are sealed under the request's own key, which ends with the request.
type privacyFact struct {
	Op          string             `json:"op"` // requested, resolved, erased, finished
	Request     PrivacyRequest     `json:"request"`
	Identifiers []event.Identifier `json:"identifiers,omitempty"`
	Erasures    []consent.Erasure  `json:"erasures,omitempty"`
	Farewells   []effect.Fact      `json:"farewells,omitempty"`
}

const (
	opRequested = "requested"
	opResolved  = "resolved"
	opErased    = "erased"
	opFinished  = "finished"
)

// requestRow is what is kept of a request: the positions are those of the
// records that name people, until they are gone.
type requestRow struct {
	PrivacyRequest
	Positions []store.Position `json:"positions,omitempty"`
}

// privacyWork is what only this process knows of requests.
type privacyWork struct {
	one     sync.Mutex // one erasure at a time
	mu      sync.Mutex
	running map[string]progress
}

type progress struct {
	step string
	done int
}

func (w *privacyWork) set(requestID, step string, done int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == nil {
		w.running = map[string]progress{}
	}
	if step == "" {
		delete(w.running, requestID)
		return
	}
	w.running[requestID] = progress{step, done}
}

func requestAnchor(requestID string) id.Key { return id.KeyOf("privacy_request", requestID) }

// keepPrivacy appends a fact. One that names people is sealed under the
// request, all others stay readable.
func (p *Pipeline) keepPrivacy(ctx context.Context, f privacyFact) (Receipt, error) {
	payload, err := json.Marshal(f)
	if err != nil {
		return Receipt{}, fmt.Errorf("encode privacy request: %w", err)
	}
	anchor := id.KeyOf("privacy", "facts")
	if len(f.Identifiers) > 0 {
		anchor = requestAnchor(f.Request.ID)
	}
	r, err := p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindPrivacy, Bucket: id.CommonBucket, Anchor: anchor, Received: p.clock.Now(), Payload: payload,
	}}})
	if err != nil {
		return r, err
	}
	return r, p.waitRecords(ctx, r)
}

// privacy applies a fact.
func (c *common) privacy(r *store.Record) {
	if r.Payload == nil {
		return // it named people, and its request came to its end
	}
	var f privacyFact
	if err := json.Unmarshal(r.Payload, &f); err != nil || f.Request.ID == "" {
		c.log.Error("privacy request cannot be read", "position", r.Position, "error", err)
		return
	}
	row := requestRow{PrivacyRequest: f.Request}
	if len(f.Identifiers) > 0 {
		row.Positions = append(c.requests[f.Request.ID], r.Position)
	}
	switch f.Op {
	case opErased:
		c.erased.Add(f.Erasures...)
		for _, e := range f.Erasures {
			c.rows = append(c.rows, rows.Common(store.TableErased, erasedKey(e), store.Put, nil))
		}
		row.Positions = c.requests[f.Request.ID]
	case opFinished:
		delete(c.requests, f.Request.ID)
	}
	if len(row.Positions) > 0 {
		c.requests[f.Request.ID] = row.Positions
	}
	value, err := json.Marshal(row)
	if err != nil {
		c.log.Error("privacy request cannot be kept", "position", r.Position, "error", err)
		return
	}
	c.rows = append(c.rows, rows.Common(store.TableRequests, []byte(f.Request.ID), store.Put, value))
}

// PrivacyCommand asks for a privacy request.
type PrivacyCommand struct {
	Type     string
	Refs     []string // profile ids or namespace:value
	Author   string
	Suppress []string // suppression lists that an erased person is to be on
}

// RequestPrivacy takes a request of a person. What it asks for is done by
// RunPrivacy.
func (p *Pipeline) RequestPrivacy(ctx context.Context, c PrivacyCommand) (PrivacyRequest, error) {
	kind, refs := c.Type, c.Refs
	if kind != AccessRequest && kind != ErasureRequest {
		return PrivacyRequest{}, fault.Errorf(fault.Invalid, "invalid_type", "type is %q: send access or erasure", kind).At("/type")
	}
	if len(refs) == 0 {
		return PrivacyRequest{}, fault.Errorf(fault.Invalid, "missing_identifiers", "identifiers is empty: name the person by at least one").At("/identifiers")
	}
	if err := p.checkSuppress(&c); err != nil {
		return PrivacyRequest{}, err
	}
	var named []event.Identifier
	for i, ref := range refs {
		list, err := p.named(ctx, ref)
		if fault.KindOf(err) == fault.NotFound {
			return PrivacyRequest{}, fault.Errorf(fault.Invalid, "invalid_identifier", "identifiers: %v; send a profile id or namespace:value", err).At(fmt.Sprintf("/identifiers/%d", i))
		}
		if err != nil {
			return PrivacyRequest{}, err
		}
		for _, ident := range list {
			if !slices.Contains(named, ident) {
				named = append(named, ident)
			}
		}
	}
	var random [16]byte
	p.random(random[:])
	r := PrivacyRequest{
		ID: "pr_" + hex.EncodeToString(random[:8]), Type: kind, State: requestQueued, Author: c.Author, Suppress: c.Suppress,
		Created: p.clock.Now(), Identifiers: len(named), Total: steps(kind),
	}
	_, err := p.keepPrivacy(ctx, privacyFact{Op: opRequested, Request: r, Identifiers: named})
	return r, err
}

// named gives what a reference stands for: an identifier itself, whether or not
// anything is known of it, and of a profile id all that the person has.
func (p *Pipeline) named(ctx context.Context, ref string) ([]event.Identifier, error) {
	_, ident, err := p.refer(ref)
	if err != nil {
		return nil, err
	}
	if strings.Contains(ref, ":") {
		return []event.Identifier{ident}, nil
	}
	return p.wholePerson(ctx, ref)
}

// wholePerson gives every identifier of a person.
func (p *Pipeline) wholePerson(ctx context.Context, ref string) ([]event.Identifier, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := make([]event.Identifier, len(who.members))
	for i := range who.members {
		out[i] = who.members[i].Identifier
	}
	return out, nil
}

// Privacy gives a request as it stands.
func (p *Pipeline) Privacy(ctx context.Context, requestID string) (PrivacyRequest, error) {
	row, err := p.request(ctx, requestID)
	if err == nil {
		err = p.tellOutcomes(ctx, &row.PrivacyRequest)
	}
	return row.PrivacyRequest, err
}

func (p *Pipeline) request(ctx context.Context, requestID string) (requestRow, error) {
	gone := fault.Errorf(fault.NotFound, "request_not_found", "there is no privacy request %q", requestID)
	if requestID == "" || len(requestID) > 64 {
		return requestRow{}, gone
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return requestRow{}, err
	}
	rows, err := p.store.State().Load(ctx, []store.RowKey{{Table: store.TableRequests, Bucket: id.CommonBucket, Key: []byte(requestID)}})
	if err != nil {
		return requestRow{}, err
	}
	if rows[0] == nil {
		return requestRow{}, gone
	}
	return p.readRequest(rows[0])
}

func (p *Pipeline) readRequest(parts [][]byte) (requestRow, error) {
	var row requestRow
	if err := json.Unmarshal(parts[len(parts)-1], &row); err != nil {
		return row, fmt.Errorf("row of a privacy request: %w", err)
	}
	if row.Proof != nil && row.Proof.Audiences == nil {
		row.Proof.Audiences = []Farewell{} // it is older than these
	}
	p.privacy.mu.Lock()
	defer p.privacy.mu.Unlock()
	if now, ok := p.privacy.running[row.ID]; ok && row.State == requestQueued {
		row.State, row.Step, row.Done = requestRunning, now.step, now.done
	}
	return row, nil
}

// PrivacyRequests lists requests, in an order that stays the same.
func (p *Pipeline) PrivacyRequests(ctx context.Context, cursor string, limit int) (Page[PrivacyRequest], error) {
	var page Page[PrivacyRequest]
	after, err := readCursor(cursor)
	if err != nil {
		return page, err
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return page, err
	}
	var rows [][][]byte
	at := store.Range{Table: store.TableRequests, Bucket: id.CommonBucket, After: after}
	err = p.store.State().Scan(ctx, at, func(_ []byte, parts [][]byte) bool {
		rows = append(rows, [][]byte{slices.Clone(parts[len(parts)-1])})
		return len(rows) <= limit
	})
	if err != nil {
		return page, err
	}
	for _, parts := range rows {
		if len(page.Items) == limit {
			page.Next = writeCursor([]byte(page.Items[limit-1].ID))
			break
		}
		row, err := p.readRequest(parts)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, row.PrivacyRequest)
	}
	return page, nil
}

// loadRequests finds the requests that are under way: where the records are
// that name people.
func (c *common) loadRequests(ctx context.Context) error {
	var bad error
	err := c.store.State().Scan(ctx, store.Range{Table: store.TableRequests, Bucket: id.CommonBucket}, func(_ []byte, parts [][]byte) bool {
		var row requestRow
		if bad = json.Unmarshal(parts[len(parts)-1], &row); bad == nil && len(row.Positions) > 0 {
			c.requests[row.ID] = row.Positions
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("load privacy requests: %w", err)
	}
	return nil
}

// identifiersOf reads whom a request is about: the last record that says so
// knows all of the person. whole tells whether it does.
func (p *Pipeline) identifiersOf(ctx context.Context, row *requestRow) (list []event.Identifier, whole bool, err error) {
	for _, at := range row.Positions {
		rec, err := p.store.Log().At(ctx, at)
		if err != nil {
			return nil, false, fmt.Errorf("privacy request %s: %w", row.ID, err)
		}
		var f privacyFact
		if err := json.Unmarshal(rec.Payload, &f); err != nil {
			return nil, false, fmt.Errorf("privacy request %s: %w", row.ID, err)
		}
		list, whole = f.Identifiers, f.Op == opResolved
	}
	return list, whole, nil
}

// finishPrivacy ends a request, and with it what names people.
func (p *Pipeline) finishPrivacy(ctx context.Context, row *requestRow, request PrivacyRequest) error {
	now := p.clock.Now()
	request.Finished, request.Step = &now, ""
	if _, err := p.keepPrivacy(ctx, privacyFact{Op: opFinished, Request: request}); err != nil {
		return err
	}
	if err := p.store.Log().Erase(ctx, requestAnchor(row.ID)); err != nil {
		return err
	}
	return p.forgetRequest(ctx, row.Positions)
}

// forgetRequest takes the records out of the log that say whom a request was
// about.
func (p *Pipeline) forgetRequest(ctx context.Context, positions []store.Position) error {
	changes := make([]store.Redaction, len(positions))
	for i, at := range positions {
		changes[i].At = at
	}
	_, err := p.store.Log().Redact(ctx, changes)
	return err
}
