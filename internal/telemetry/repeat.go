package telemetry

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"rapport/internal/fault"
)

// What a log says of one trouble: once, and once more in so much time for as long
// as it lasts. A full disk is not to be filled by saying so: it is one trouble,
// whoever meets it, and is said once until it is over. That it is, somebody says with
// the attribute "over"; or nobody met it for so much time.
const (
	repeatAfter = time.Minute
	repeatMost  = 1024 // troubles that are told apart
)

// seldom says the same warning or error at most once a minute, and then how often
// it was not said. Figures do not make it another: they are positions and counts.
type seldom struct {
	slog.Handler
	said *repeats
}

type repeats struct {
	mu sync.Mutex
	by map[string]*repeat
}

type repeat struct {
	at    time.Time
	quiet int
}

// Handle says it, or counts it.
func (h *seldom) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == overKey {
				h.said.over(a.Value.String())
			}
			return true
		})
		return h.Handler.Handle(ctx, r)
	}
	quiet, say := h.said.next(troubleOf(&r), r.Time)
	if !say {
		return nil
	}
	if quiet > 0 {
		r.AddAttrs(slog.Int("repeated", quiet))
	}
	return h.Handler.Handle(ctx, r)
}

// overKey is the attribute that names a trouble that is over.
const overKey = "over"

// troubleOf gives what tells troubles apart.
func troubleOf(r *slog.Record) string {
	var key strings.Builder
	key.WriteString(r.Message)
	full := false
	r.Attrs(func(a slog.Attr) bool {
		err, _ := a.Value.Any().(error)
		f := fault.Of(err)
		full = full || f != nil && f.Code == fault.DiskFull
		key.WriteString("\x00" + a.Key + "\x00")
		key.WriteString(strings.Map(withoutDigits, a.Value.String()))
		return true
	})
	if full {
		return fault.DiskFull
	}
	return key.String()
}

func withoutDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

func (s *repeats) next(key string, now time.Time) (quiet int, say bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.by[key]
	if last != nil && now.Sub(last.at) < repeatAfter && !now.Before(last.at) {
		last.quiet++
		if key == fault.DiskFull {
			last.at = now
		}
		return 0, false
	}
	if last == nil {
		if len(s.by) >= repeatMost {
			clear(s.by)
		}
		last = &repeat{}
		s.by[key] = last
	}
	quiet, last.quiet, last.at = last.quiet, 0, now
	return quiet, true
}

func (s *repeats) over(trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, trouble)
}

// WithAttrs is the handler with attributes.
func (h *seldom) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &seldom{h.Handler.WithAttrs(attrs), h.said}
}

// WithGroup is the handler with a group.
func (h *seldom) WithGroup(name string) slog.Handler {
	return &seldom{h.Handler.WithGroup(name), h.said}
}
