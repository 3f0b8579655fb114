package demo

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// agenda holds the messages that were made and whose time has not come.
type agenda struct {
	due  queue
	made int
}

type entry struct {
	message
	turn int // keeps messages of one instant in the order they were made
}

type queue []entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if !q[i].Timestamp.Equal(q[j].Timestamp.Time) {
		return q[i].Timestamp.Before(q[j].Timestamp.Time)
	}
	return q[i].turn < q[j].turn
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(entry)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// add notes a message down under its time, and gives it its id.
func (a *agenda) add(r *rand.Rand, m message) {
	m.MessageID = "demo-" + uuid(r)
	a.made++
	heap.Push(&a.due, entry{m, a.made})
}

// until takes out what is due before an instant, in the order of time.
func (a *agenda) until(end time.Time) []message {
	var out []message
	for len(a.due) > 0 && a.due[0].Timestamp.Before(end) {
		out = append(out, heap.Pop(&a.due).(entry).message)
	}
	return out
}
