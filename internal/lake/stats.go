package lake

import (
	"cmp"
	"sync"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/store"
)

// stats are what a lake counts since its start.
type stats struct {
	commits, joined, people atomic.Uint64
	files, rows, bytes      atomic.Uint64
	mu                      sync.Mutex
	unwritten, unjoined     string // why it cannot; empty where it can
}

// wrote counts a file.
func (s *stats) wrote(f *File) {
	s.files.Add(1)
	s.rows.Add(uint64(f.Rows))
	s.bytes.Add(uint64(f.Bytes))
}

// fail notes in one of the reasons how the last attempt went.
func (s *stats) fail(reason *string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*reason = ""
	if err != nil {
		*reason = err.Error()
	}
}

// failed is why the lake cannot be written, else why its files cannot be joined.
func (s *stats) failed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.unwritten, s.unjoined)
}

// State is how a lake stands.
type State struct {
	Target   string
	Written  clock.Instant
	Position store.Position
	End      store.Position
	Lag      float64
	Waiting  int64
	Due      int
	CatchUp  bool
	Files    int
	Rows     int
	Bytes    int
	Objects  []ObjectState
	Since    Since
	Error    string
}

// Since is what was done since the start. Rows of joined files count once more.
type Since struct {
	Manifests uint64
	Files     uint64
	Rows      uint64
	Bytes     uint64
	Joined    uint64
	Users     uint64
}

// ObjectState is one object of a lake.
type ObjectState struct {
	Name    string
	Files   int
	Rows    int
	Bytes   int
	Columns []Column
}

// State tells how the lake stands.
func (l *Lake) State() State {
	s := State{Target: l.Target.Root(), Objects: []ObjectState{}, CatchUp: l.catching.Load() || !l.tap.open.Load(), Waiting: l.tap.held.Load() + l.carried.Load()}
	if oldest := cmp.Or(l.oldest.Load(), l.tap.oldest.Load()); oldest != 0 {
		s.Lag = max(0, l.Now.Now().Sub(clock.Instant(oldest)).Seconds())
	}
	s.Since = Since{l.stats.commits.Load(), l.stats.files.Load(), l.stats.rows.Load(), l.stats.bytes.Load(), l.stats.joined.Load(), l.stats.people.Load()}
	s.Error = l.stats.failed()
	m := l.current()
	if m == nil {
		return s
	}
	s.Due = int(l.due.Load())
	s.End = l.spine.LogEnd()
	s.Written, s.Position = m.Written, m.Position
	at := map[string]*ObjectState{}
	for _, name := range Names() {
		columns := m.Users
		if o := l.objects[name]; o != nil {
			columns = o.columns
		}
		s.Objects = append(s.Objects, ObjectState{Name: name, Columns: columns})
	}
	for i := range s.Objects {
		at[s.Objects[i].Name] = &s.Objects[i]
	}
	for i := range m.Files {
		f := &m.Files[i]
		s.Files, s.Rows, s.Bytes = s.Files+1, s.Rows+f.Rows, s.Bytes+f.Bytes
		if o := at[f.Object]; o != nil {
			o.Files, o.Rows, o.Bytes = o.Files+1, o.Rows+f.Rows, o.Bytes+f.Bytes
		}
	}
	return s
}
