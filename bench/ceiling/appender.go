package main

import (
	"fmt"
	"os"
	"sync"
)

// appender writes what all waiting requests bring in one write and one fsync.
type appender struct {
	file  *os.File
	mu    sync.Mutex
	group *group // the one that is being filled
	spare []byte
	wake  chan struct{}
}

// group is what one fsync makes durable.
type group struct {
	bytes []byte
	done  chan struct{}
	err   error
}

func newAppender(f *os.File) *appender {
	a := &appender{file: f, wake: make(chan struct{}, 1)}
	a.group = &group{done: make(chan struct{})}
	go a.write()
	return a
}

// append adds to the present group and waits until it is on disk.
func (a *appender) append(fill func([]byte) []byte) error {
	a.mu.Lock()
	g := a.group
	g.bytes = fill(g.bytes)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
	<-g.done
	return g.err
}

func (a *appender) write() {
	for range a.wake {
		a.mu.Lock()
		g := a.group
		a.group = &group{bytes: a.spare[:0], done: make(chan struct{})}
		a.mu.Unlock()
		if len(g.bytes) > 0 {
			_, g.err = a.file.Write(g.bytes)
			if err := a.file.Sync(); g.err == nil {
				g.err = err
			}
			if g.err != nil {
				g.err = fmt.Errorf("appending: %w", g.err)
			}
		}
		a.spare = g.bytes
		close(g.done)
	}
}
