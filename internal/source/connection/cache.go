package connection

import (
	"container/list"
	"sync"
	"time"

	"rapport/internal/decision/connection"
)

// cache keeps answers for a while: bounded by entries for each connection and
// by bytes for all, those used longest ago go first.
type cache struct {
	mu    sync.Mutex
	max   int
	bytes int
	items map[string]*list.Element
	order *list.List // most recent first
	count map[lineKey]int
}

type cached struct {
	name   string
	of     lineKey
	answer *connection.Answer
	until  time.Time
	size   int
}

func newCache(bytes int) cache {
	return cache{max: bytes, items: map[string]*list.Element{}, order: list.New(), count: map[lineKey]int{}}
}

func (c *cache) get(name string, now time.Time) (*connection.Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.items[name]
	if e == nil {
		return nil, false
	}
	x := e.Value.(*cached)
	if !now.Before(x.until) {
		c.drop(e)
		return nil, false
	}
	c.order.MoveToFront(e)
	return x.answer, true
}

func (c *cache) put(name string, of lineKey, a *connection.Answer, until time.Time, entries int) {
	size := len(name) + len(a.Body) + 256
	for k, v := range a.Headers {
		size += len(k) + len(v)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.items[name]; e != nil {
		c.drop(e)
	}
	if size > c.max/4 {
		return // one answer must not push out all others
	}
	c.items[name] = c.order.PushFront(&cached{name, of, a, until, size})
	c.bytes += size
	c.count[of]++
	for e := c.order.Back(); e != nil && (c.bytes > c.max || c.count[of] > entries); {
		before := e.Prev()
		if c.bytes > c.max || e.Value.(*cached).of == of {
			c.drop(e)
		}
		e = before
	}
}

func (c *cache) drop(e *list.Element) {
	x := e.Value.(*cached)
	c.order.Remove(e)
	delete(c.items, x.name)
	c.bytes -= x.size
	if c.count[x.of]--; c.count[x.of] == 0 {
		delete(c.count, x.of)
	}
}
