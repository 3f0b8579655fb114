package outbox

import (
	"container/list"
	"sync"
)

// memo remembers what destinations know of people lately: what was said a
// moment ago is not in the rows yet. Those used longest ago go first.
type memo struct {
	mu    sync.Mutex
	max   int
	known map[string]*list.Element
	order *list.List
}

type remembered struct{ key, value string }

func newMemo(most int) *memo {
	return &memo{max: most, known: map[string]*list.Element{}, order: list.New()}
}

func (m *memo) get(key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.known[key]
	if e == nil {
		return "", false
	}
	m.order.MoveToFront(e)
	return e.Value.(*remembered).value, true
}

func (m *memo) put(key, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.known[key]; e != nil {
		e.Value.(*remembered).value = value
		m.order.MoveToFront(e)
		return
	}
	m.known[key] = m.order.PushFront(&remembered{key, value})
	for m.order.Len() > m.max {
		e := m.order.Back()
		m.order.Remove(e)
		delete(m.known, e.Value.(*remembered).key)
	}
}

// names is a set of names.
type names struct {
	mu  sync.Mutex
	set map[string]bool
}

func (n *names) has(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.set[name]
}

// put puts a name in, or takes it out.
func (n *names) put(name string, in bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.set == nil {
		n.set = map[string]bool{}
	}
	if n.set[name] = in; !in {
		delete(n.set, name)
	}
}
