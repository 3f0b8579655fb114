// Package store states what must be kept, as promises that storetest proves
// for every engine. It never says how an engine keeps them.
package store

import (
	"context"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
)

// The errors of storage. Engines translate their own into these.
var (
	// ErrClosed comes from every call after Close.
	ErrClosed = errors.New("store is closed")
	// ErrFull says that the disk has no room. Nothing of the call was kept; the
	// same call may succeed once there is room again, without a restart.
	ErrFull error = fault.Errorf(fault.Unavailable, "disk_full", "the disk is full, nothing of this was kept; free space, then send it again")
	// ErrNotFound says that there is no record at a position.
	ErrNotFound = errors.New("no such record")
	// ErrErased says that the record's key was destroyed: what it held is gone.
	ErrErased = errors.New("record is erased")
	// ErrMisuse is a programmer's mistake: a frame that was not sealed, a change
	// outside its commit's span, a key of the wrong length. Nothing was kept.
	ErrMisuse = errors.New("store is misused")
)

// MaxKey is how long the key of a row may be, in bytes.
const MaxKey = 1024

// Store is one engine: the log of facts and the state folded from it.
type Store interface {
	Log() Log
	State() State
	// Close stops the engine. What was appended or flushed stays.
	Close() error
}

// Position is a place in the log. Later records have larger positions; zero is
// before the first. What lies between two positions says nothing.
type Position uint64

// Kind is what a record is. The numbers are on disk: append only.
type Kind uint8

// The kinds of record. Facts come from outside and are the truth; the others
// are derived from facts and made again when the facts are folded again.
const (
	KindEvent      Kind = 1 + iota // fact: an event as received, in a dialect
	KindChange                     // fact: the outcome of a command on an entity
	KindDeadLetter                 // fact: what could not be understood, with the reason
	KindVerdict                    // fact: what became of a dead letter, or an operator's word on identity
	KindTick                       // fact: time passed for a bucket
	KindReplay                     // fact: an event that was a dead letter, mended or understood since
	KindDefinition                 // fact: a version of a definition, or what became of one
	KindLink                       // derived: an anchor met another identifier
	KindPortion                    // derived: what a person's event says of an entity
	KindJob                        // fact: how far a background job has come
	KindDecision                   // fact: a decision that was made, with what it read
	KindPerson                     // derived: who belongs to a person, and where its home is
	KindShare                      // derived: the partial state of an anchor, for its home
	KindPrivacy                    // fact: a privacy request, whom it erased, what became of it
	KindActivation                 // fact: from here on these versions of segments are what counts
	KindAsk                        // derived: the graph asks an anchor when it was seen with an identifier
	KindSighting                   // derived: when an anchor was seen with a shared identifier
	KindResolve                    // derived: a part of the graph waits to be resolved
	KindItem                       // fact: from here on conditions see an item of the catalog so
	KindRecheck                    // fact: people whom changed items concern are evaluated here
	KindCut                        // derived: a home tells a shared identifier which times are its person's
	KindSuppress                   // fact: contacts came onto a suppression list, or left it
	KindEffect                     // fact: what is sent to a destination, or not, and what came of it
	KindUnread                     // derived: an event that the mapping of today does not understand
	KindTaking                     // fact: some of an offer of which there are so many were taken, or given back
	KindBase                       // fact: what the events came to that an anchor no longer has
	KindRetention                  // fact: up to when events are no longer there
)

// Fact tells whether records of the kind are the truth rather than derived.
func (k Kind) Fact() bool {
	switch k {
	case KindLink, KindPortion, KindPerson, KindShare, KindAsk, KindSighting, KindResolve, KindCut, KindUnread:
		return false
	}
	return true
}

// Record is one entry of the log.
type Record struct {
	// Position is given by Append, in the order of the records.
	Position Position
	Kind     Kind
	Bucket   id.Bucket
	// Anchor is the key under which the payload is sealed and can be erased.
	Anchor   id.Key
	Received clock.Instant
	Payload  []byte
	// Attached travels with the record in memory and is never stored: the
	// decoded form of Payload, which spares a live record the second decoding.
	Attached any
}

// Frame is what one request hands to the log: its records and, counted apart
// from them, how many events it brought and how many of those were refused.
type Frame struct {
	Records  []Record
	Received uint64
	Rejected []Count
	// Sealed is the engine's own encoded form, made by Seal.
	Sealed any
	// Attached is the caller's own; engines leave it alone and do not store it.
	Attached any
}

// Count is a number of events with the reason they share.
type Count struct {
	Reason string
	N      uint64
}

// Counts are the sums over frames of a log.
type Counts struct {
	Received uint64
	Rejected map[string]uint64
}

// Redaction says what a record shall hold. A nil payload removes what it holds,
// whose it is and when it came: the record has a nil payload, the zero anchor
// and no time of receipt from then on.
type Redaction struct {
	At      Position
	Payload []byte
}

// Log is the durable, ordered sequence of records, the truth of an instance.
//
// Promises: records of acknowledged frames are never lost, changed or
// reordered; a frame is kept whole or not at all; after a crash the log ends
// with a frame that was acknowledged or in flight; positions never come twice.
type Log interface { //nolint:interfacebloat // the whole contract of an engine; who uses it declares what it needs
	// Seal does the work of a frame that needs no order: encoding, compression
	// and encryption. Any number of calls may run at once. It may keep
	// frame.Records until Append has returned.
	Seal(ctx context.Context, frame *Frame) error
	// Append makes sealed frames durable, all in one step, and sets the
	// positions of their records. One call at a time. On an error nothing of
	// them is in the log, now or after a crash. Where a disk fails so badly that
	// this cannot be made sure, every later Append gives an error until it can;
	// only a crash in that time may leave them in the log, whole.
	Append(ctx context.Context, frames []*Frame) error
	// Read visits every record after from, in order, until the end of the log
	// as it was when Read began, or until visit returns an error, which Read
	// gives back. A record whose key is destroyed has a nil payload. The record
	// and its payload are valid during the visit only.
	Read(ctx context.Context, from Position, visit func(*Record) error) error
	// At gives one record again: ErrNotFound where none begins at the
	// position, ErrErased where its key is destroyed.
	At(ctx context.Context, at Position) (Record, error)
	// End is the position of the last record.
	End() Position
	// Counts sums what frames up to the end of the log carried.
	Counts(ctx context.Context) (Counts, error)
	// Erase destroys the keys of anchors: when it returns, no payload sealed
	// under them before the call can be read, now or after a crash. Later
	// records of the same anchors get new keys.
	Erase(ctx context.Context, anchors ...id.Key) error
	// Redact changes what records hold, where they are: positions, kinds and
	// buckets stay. When it returns, nothing of the old payloads is in the log's
	// files, now or after a crash; a crash before leaves each record as it was
	// or as it shall be. It tells how many were removed because the new payload
	// needs more room than the old one had. ErrNotFound where no record begins
	// at a position; ErrErased where a payload is given for a record that has
	// none; then nothing was changed.
	Redact(ctx context.Context, changes []Redaction) (removed int, err error)
	// Size is the bytes on disk.
	Size() uint64
}

// Table is a kind of row. The letters are on disk.
type Table byte

// The tables. A row's key begins with 16 bytes of a key unless said otherwise.
const (
	TableAnchors     Table = 'a' // an identifier's partial state, by its key
	TableTimeline    Table = 't' // full chunks of an anchor's timeline: key, number
	TableSeen        Table = 's' // message ids of an anchor's chunks but the first: key, short id
	TableEntities    Table = 'e' // orders, carts, items, accounts, by their key
	TableKinds       Table = 'k' // entities by kind: kind name, zero byte, id
	TableNodes       Table = 'n' // identity graph: an identifier, by its key
	TableComponents  Table = 'c' // identity graph: the members of a component
	TableEdges       Table = 'g' // identity graph: edges of a shared identifier beyond those in its node: its key, the other's
	TableSightings   Table = 'r' // identity graph: who was seen when on a shared identifier: its key, order, slot, owner's key
	TableFacts       Table = 'q' // identity graph: what operators said: the two keys it is about
	TableAudit       Table = 'u' // identity graph: merges and splits: zero byte, position, number; or a one byte and the key of who took part
	TableLookup      Table = 'x' // identity graph: identifiers by folded value, for search
	TableDeadLetters Table = 'd' // dead letters that wait for a decision: position
	TableDefinitions Table = 'f' // versions of definitions: kind, zero byte, key, zero byte, number
	TableTimers      Table = 'w' // what is due: instant, key
	TableMembers     Table = 'b' // who is in a segment: number of its evaluation, key of the home
	TableHistory     Table = 'y' // entries into and exits from segments: key, instant, number
	TableFlows       Table = 'F' // how many entered and left segments: segment, zero byte, hour, run; or one zero byte and what it is
	TableShares      Table = 'h' // partial states that a home was sent: home's key, sender's key
	TableCuts        Table = 'C' // whose a shared identifier is when: its key, the home's key
	TableAnswers     Table = 'i' // answers to commands, by the hash of their idempotency key
	TableJobs        Table = 'j' // background jobs: id, then a byte: what was asked for, how far it is
	TableDecisions   Table = 'v' // kept decisions: by id, person, model and job
	TableErased      Table = 'z' // erased identifiers: subject, time
	TableRequests    Table = 'p' // privacy requests, by id
	TableSuppressed  Table = 'S' // suppression lists: key; and what is on them: key, zero byte, subject
	TableItems       Table = 'o' // items as conditions see them: key, position; or the key alone: to be told
	TableColumns     Table = 'l' // whose columns changed by a commit: position
	TableOutbox      Table = 'O' // what destinations are to be told, were told, and what became of it
	TablePassages    Table = 'P' // entries and exits that the lake shall have: position, key of their history
	TableDisplaced   Table = 'D' // copies that took the place of a message: their position
	TableTrials      Table = 'T' // experiments: a letter, the key of a home: what the person counts for, or that it has to be counted anew
	TableMeta        Table = 'm' // counters of a span and what else is one of a kind
)

// RowKey names a row: rows of one table in one bucket are ordered by Key,
// bytewise. Key is 1 to MaxKey bytes of any value.
type RowKey struct {
	Table  Table
	Bucket id.Bucket
	Key    []byte
}

// Op is what a change does to a row.
type Op uint8

// The operations.
const (
	// Put replaces the row with one part.
	Put Op = iota
	// Add appends a part to the row, which need not exist.
	Add
	// Delete removes the row, if it is there.
	Delete
)

// Change is one operation on one row. The engine copies Key and Value before
// Commit returns.
type Change struct {
	RowKey
	Op    Op
	Value []byte
}

// Span is a run of buckets, first and last included.
type Span struct {
	First, Last id.Bucket
}

// Holds tells whether a bucket is in the span.
func (s Span) Holds(b id.Bucket) bool { return b >= s.First && b <= s.Last }

// Commit is a step of a span: its buckets have applied every record of theirs
// up to Position, and this is what changed.
type Commit struct {
	Span     Span
	Position Position
	Changes  []Change // of rows whose bucket is in the span, applied in order
}

// State is the rows folded from the log.
//
// Promises: a commit is visible to Load and Scan when it returns, whole or not
// at all; commits of a bucket become durable in their order, so after a crash a
// bucket's rows are those after some commit, and Applied tells which; after
// Flush returned, every commit before it is durable. An empty part is kept as
// such; a row of no parts does not exist.
type State interface { //nolint:interfacebloat // the whole contract of an engine; who uses it declares what it needs
	// Load gives the parts of each row in the order of keys, nil where there is
	// no row. The number of reads it makes does not grow with the keys where the
	// engine can help it. The parts are the caller's.
	Load(ctx context.Context, keys []RowKey) ([][][]byte, error)
	// Scan visits rows of a table in a bucket in the order of their keys, those
	// that begin with prefix and are larger than after (nil: from the first),
	// until visit returns false. It sees one moment of the bucket. Key and
	// parts are valid during the visit only.
	Scan(ctx context.Context, at Range, visit func(key []byte, parts [][]byte) bool) error
	// ScanSpan visits rows of a table in the buckets of a span: bucket by bucket,
	// in each the rows that Scan would visit, until visit returns Stop. It costs
	// what its rows cost, not what its buckets would. It sees one moment of each
	// bucket. Key and parts are valid during the visit only.
	ScanSpan(ctx context.Context, at SpanRange, visit func(b id.Bucket, key []byte, parts [][]byte) Step) error
	// Commit makes a step. Commits of spans that share no bucket may run at once.
	Commit(ctx context.Context, c Commit) error
	// Flush makes all commits before it durable.
	Flush(ctx context.Context) error
	// Purge makes earlier values of rows unreadable: when it returns, the state's
	// files hold nothing of what rows of these keys held before their last
	// change, nor of rows that were deleted. Every commit before it is durable.
	Purge(ctx context.Context, keys []RowKey) error
	// Applied is the largest position of a commit that covered the bucket.
	Applied(b id.Bucket) Position
	// Reset removes every position, and every row but those of the tables to
	// keep: the first step of a rebuild. After an error it may have happened or
	// not; it must then be called again.
	Reset(ctx context.Context, keep ...Table) error
	// Size is the bytes on disk.
	Size() uint64
}

// Range is where a scan goes.
type Range struct {
	Table  Table
	Bucket id.Bucket
	Prefix []byte
	After  []byte
}

// SpanRange is where a scan of several buckets goes. Prefix and After are those
// of each bucket.
type SpanRange struct {
	Table  Table
	Span   Span
	Prefix []byte
	After  []byte
}

// Step is how a scan of several buckets goes on after a row.
type Step uint8

// The steps.
const (
	NextRow Step = iota
	NextBucket
	Stop
)

// AllBuckets is the span of everything.
func AllBuckets() Span { return Span{First: 0, Last: id.CommonBucket} }
