package ofrep

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/dialect"
)

type changing struct {
	Assigner
	sign uint64
}

func (c *changing) Sign(context.Context) (uint64, error) { c.sign++; return c.sign, nil }

type anybody struct{}

func (anybody) Caller(string, string) (dialect.Caller, bool) {
	return dialect.Caller{Source: "s"}, true
}

// slow is a connection whose client reads two things and no more: a write ends
// when its time is over.
type slow struct {
	*httptest.ResponseRecorder
	until  time.Time
	writes int
}

func (s *slow) SetWriteDeadline(t time.Time) error { s.until = t; return nil }

func (s *slow) Write(b []byte) (int, error) {
	if s.until.IsZero() {
		return 0, errors.New("this write would never end")
	}
	if s.writes++; s.writes > 2 {
		return 0, context.DeadlineExceeded
	}
	return s.ResponseRecorder.Write(b)
}

func TestEvents_EndForAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	d := New(Config{Assign: &changing{}, Keys: anybody{}, Every: time.Millisecond})
	w := &slow{ResponseRecorder: httptest.NewRecorder()}
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", eventsPath, nil))
	if got := w.Body.String(); w.writes != 3 || !strings.Contains(got, "refetchEvaluation") {
		t.Errorf("after %d writes: %s", w.writes, got)
	}
}
