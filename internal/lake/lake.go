// Package lake writes what happened and who is known as Parquet files: into a
// folder or a bucket, a manifest beside them that decides what counts. It never
// changes the log or the state, holds nobody up, and never writes the catalog.
//
// START READING at run and flush. A lake follows the lanes: tap.go takes rows
// from them (rows.go), flush.go writes them down every moment, catchup.go has
// the log tell what is missing. people.go says of whom a row is due when they
// have been still for a while, users.go writes it. compact.go joins small files,
// erase.go takes people out. file.go makes files of columns: column.go, page.go.
package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Log is what a lake asks of the log.
type Log interface {
	FollowAgain(ctx context.Context, from, to, written store.Position, visit func(f *pipeline.Followed) error) error
	LogEnd() store.Position
	OwnID(k id.Key) string
	KeyOf(ownID string) (id.Key, bool)
}

// People is what a lake asks about people.
type People interface {
	Whole(ctx context.Context, k id.Key) (*profile.View, error)
	Passages() uint64
	WaitingPassages(ctx context.Context, most int, now bool) ([]pipeline.PassageRow, error)
	AllPassages(ctx context.Context, visit func(*pipeline.PassageRow) error) error
	PassagesWritten(list []pipeline.PassageRow)
}

// Spine is the pipeline as a lake sees it.
type Spine interface {
	Log
	People
}

// Options are what a lake is made of.
type Options struct {
	Target  Target
	Mapping func(source string) *catalog.Mapping // the item actions of a source
	Now     clock.Clock
	Log     *slog.Logger
	// Flush is how long a row waits at most before it is written, Idle how long
	// a person has to be still before the users row is.
	Flush, Idle time.Duration
	// Join is how many small files of a day become one; 0 never joins.
	Join int
	// Most bounds the bytes of rows that wait; beyond it they are let go of and
	// read from the log again.
	Most int64
}

// Lake is one lake. Start lets it run.
type Lake struct {
	Options
	tap     *tap
	spine   Spine
	objects map[string]*object
	writers map[string]*writer

	work     sync.Mutex // writing: one at a time
	carry    []held     // rows that came from lanes ahead of the others
	people   *people
	known    passagesKnown
	replayed store.Position // lanes applied again what is after it, when they started

	joining  sync.Mutex // joining and erasing; taken before work
	mu       sync.Mutex // guards manifest
	manifest *Manifest
	written  atomic.Bool // there is a manifest at the target
	sequence atomic.Uint64
	obsolete []aged
	due      atomic.Int64 // people whose rows are due, for who asks
	catching atomic.Bool  // the log is read for what the files do not have
	// Of the rows that no lane holds any more and no file yet: bytes, and when the
	// oldest was received; 0: there is none.
	carried, oldest atomic.Int64

	stats  stats
	stop   context.CancelFunc
	groups sync.WaitGroup
}

// New makes a lake that takes nothing yet.
func New(o Options) *Lake {
	l := &Lake{Options: o, objects: fixed(), writers: map[string]*writer{}, people: newPeople(o.Idle)}
	l.tap = &tap{objects: l.objects, mapping: o.Mapping, most: o.Most, lanes: map[int]*basin{}, begun: math.MaxUint64}
	l.tap.ownID = func(k id.Key) string { return l.spine.OwnID(k) }
	return l
}

// Follower is what a pipeline tells what its lanes apply.
func (l *Lake) Follower() pipeline.Follower { return l.tap }

// Attach says which pipeline it follows; called once, before anything is
// written.
func (l *Lake) Attach(s Spine) {
	l.spine = s
	l.replayed = l.tap.started()
}

// Start lets the lake write.
func (l *Lake) Start() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.groups.Go(func() { l.run(ctx) })
	l.groups.Go(func() { l.join(ctx) })
}

// Close writes what waits and ends. The pipeline must still run.
func (l *Lake) Close(ctx context.Context) error {
	if l.stop == nil {
		return nil
	}
	l.stop()
	l.groups.Wait()
	l.work.Lock()
	defer l.work.Unlock()
	if l.current() == nil || !l.tap.open.Load() {
		return nil
	}
	if err := l.write(ctx, true); err != nil {
		return fmt.Errorf("write the rest of the lake: %w", err)
	}
	return nil
}

// longestRest is between two attempts while the lake cannot be written: each
// reads from the log again what is missing.
const (
	longestRest = 30 * time.Second
	// fullRest is the same while the disk has no room: that may end at any moment.
	fullRest = 3 * time.Second
)

// run writes until it is stopped. Whatever fails is tried again, ever more
// seldom: the log keeps what is not written.
func (l *Lake) run(ctx context.Context) {
	every := time.NewTicker(l.Flush)
	defer every.Stop()
	var last time.Time
	rest := l.Flush
	for {
		err := l.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if next := afterwards(rest, l.Flush, err); next != rest {
			rest = next
			every.Reset(rest)
		}
		if err != nil && time.Since(last) > time.Minute {
			last = time.Now()
			l.Log.Error("the lake cannot be written; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// afterwards is how long to rest after an attempt.
func afterwards(rest, flush time.Duration, err error) time.Duration {
	if err == nil {
		return flush
	}
	longest := longestRest
	if fault.NoRoom(err) {
		longest = fullRest
	}
	return max(flush, min(2*rest, longest))
}

// step brings the lake up to date once.
func (l *Lake) step(ctx context.Context) (err error) {
	l.work.Lock()
	defer l.work.Unlock()
	defer func() { l.stats.fail(&l.stats.unwritten, err) }()
	if err := l.open(ctx); err != nil {
		return err
	}
	if !l.tap.open.Load() {
		if err := l.catchUp(ctx); err != nil {
			return err
		}
	}
	return l.write(ctx, false)
}

// write writes what waits: rows, people, entries and exits.
func (l *Lake) write(ctx context.Context, last bool) error {
	if err := l.flush(ctx, last); err != nil {
		return err
	}
	if err := l.writePassages(ctx, last); err != nil {
		return err
	}
	err := l.writePeople(ctx)
	l.due.Store(int64(len(l.people.stirs)))
	return err
}

// open reads the manifest, or makes the first one, and removes what it does not
// name.
func (l *Lake) open(ctx context.Context) error {
	if l.current() != nil {
		return nil
	}
	m, err := l.read(ctx)
	if err != nil {
		return err
	}
	if m.Position > l.spine.LogEnd() {
		return fmt.Errorf("the lake at %s is at %d of a log that ends at %d: it belongs to other data, or the data is from an older backup. Give another lake.url, or move its files away to have it written anew",
			l.Target.Root(), m.Position, l.spine.LogEnd())
	}
	if err := l.tidy(ctx, m); err != nil {
		return err
	}
	if err := l.recall(ctx, m); err != nil {
		return err
	}
	l.take(m)
	return nil
}

// read reads the manifest, or makes the first one.
func (l *Lake) read(ctx context.Context) (*Manifest, error) {
	m := &Manifest{Format: manifestFormat, Users: usersColumns()}
	b, err := l.Target.Get(ctx, manifestName)
	switch {
	case err == nil:
		if m, err = readManifest(b); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the manifest of the lake: %w", err)
	}
	l.sequence.Store(m.Sequence)
	return m, nil
}

// take makes a manifest the one that counts; nil: the next to ask reads it.
func (l *Lake) take(m *Manifest) {
	l.mu.Lock()
	l.manifest = m
	l.mu.Unlock()
	if m != nil && m.Written != 0 {
		l.written.Store(true)
	}
}

// tidy removes files that the manifest does not name: what a crash left.
func (l *Lake) tidy(ctx context.Context, m *Manifest) error {
	names, err := l.Target.List(ctx)
	if err != nil {
		return err
	}
	named := map[string]bool{m.Pending.Path: true}
	for i := range m.Files {
		named[m.Files[i].Path] = true
	}
	for _, n := range names {
		if named[n] || !ours(n) {
			continue
		}
		if err := l.Target.Delete(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// current is the manifest as it was written last; nil before there is one. It
// must not be changed.
func (l *Lake) current() *Manifest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.manifest
}

// commit writes the manifest with a change. It counts from then on.
func (l *Lake) commit(ctx context.Context, change func(m *Manifest)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.manifest.clone()
	change(m)
	m.Sequence, m.Written = l.sequence.Load(), l.Now.Now()
	b, err := m.encode()
	if err != nil {
		return fmt.Errorf("encode the manifest of the lake: %w", err)
	}
	if err := l.Target.Put(ctx, manifestName, b); err != nil {
		return err
	}
	l.manifest = m
	l.written.Store(true)
	l.stats.commits.Add(1)
	return nil
}

// file names a new file.
func (l *Lake) file(object, day string, level int) File {
	return File{Object: object, Day: day, Level: level, Path: fmt.Sprintf("%s/day=%s/%012d-%d.parquet", object, day, l.sequence.Add(1), level)}
}

// object is an object with its columns as they are now.
func (l *Lake) object(m *Manifest, name string) *object {
	if name == usersName {
		return newObject(usersName, m.Users...)
	}
	return l.objects[name]
}

func (l *Lake) writer(o *object) *writer {
	w := l.writers[o.name]
	if w == nil || w.of != o {
		w = newRawWriter(o)
		w.kept = true
		l.writers[o.name] = w
	}
	w.begin()
	return w
}
