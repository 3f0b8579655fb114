package pipeline

import (
	"errors"
	"log/slog"
	"sync"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// shortage says that the disk is full once, whoever meets it, and once that it has
// room again, when all who met it have written.
type shortage struct {
	log *slog.Logger
	mu  sync.Mutex
	met map[string]bool
}

func newShortage(log *slog.Logger) *shortage { return &shortage{log: log, met: map[string]bool{}} }

// wrote notes how a writing ended, and tells whether this is all there is to say of
// it: there was no room, or there is again.
func (s *shortage) wrote(who string, err error) bool {
	full := errors.Is(err, store.ErrFull)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.met[who]
	switch {
	case full:
		if len(s.met) == 0 {
			s.log.Error("no room on the disk: what comes in is refused until there is", "error", err)
		}
		s.met[who] = true
	case err == nil && before:
		if delete(s.met, who); len(s.met) == 0 {
			s.log.Info("there is room on the disk again", "over", fault.DiskFull)
		}
	}
	return full || err == nil && before
}
