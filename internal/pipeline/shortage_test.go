package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"rapport/internal/store"
)

// Whoever meets a full disk, it is said once, and once that it has room again: when
// the last of them has written.
func TestShortage_IsSaidOnceAndWhenItIsOver(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newShortage(slog.New(slog.NewTextHandler(&out, nil)))
	full := fmt.Errorf("commit: %w", store.ErrFull)
	for i, step := range []struct {
		who  string
		err  error
		said bool // by the shortage, so that who met it says nothing
		line string
	}{
		{"log", nil, false, ""},
		{"log", full, true, "level=ERROR"},
		{"people-0", full, true, ""},
		{"log", full, true, ""},
		{"people-1", nil, false, ""},
		{"people-1", errors.New("damaged"), false, ""},
		{"log", nil, true, ""},
		{"people-0", nil, true, "level=INFO"},
		{"people-0", nil, false, ""},
		{"state", full, true, "level=ERROR"},
	} {
		if said := s.wrote(step.who, step.err); said != step.said || !strings.Contains(out.String(), step.line) || (step.line == "") != (out.Len() == 0) {
			t.Errorf("step %d: said %t: %q", i, said, out.String())
		}
		out.Reset()
	}
}
