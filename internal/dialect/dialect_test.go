package dialect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/dialect"
)

func TestWait_ReadsSecondsAndDurationsWithinLimits(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]time.Duration{
		"":                             0,
		"await=applied":                0,
		"wait=stored":                  0,
		"wait=applied":                 dialect.DefaultWait,
		"wait=applied&timeout=2":       2 * time.Second,
		"wait=applied&timeout=0.5":     500 * time.Millisecond,
		"wait=applied&timeout=250ms":   250 * time.Millisecond,
		"wait=applied&timeout=1h":      dialect.LongestWait,
		"wait=applied&timeout=-1s":     time.Millisecond,
		"wait=applied&timeout=soon":    dialect.DefaultWait,
		"wait=applied&timeout=1e300":   dialect.DefaultWait,
		"x=1&wait=applied&timeout=10s": 10 * time.Second,
	} {
		if got := dialect.Wait(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+query, nil)); got != want {
			t.Errorf("%q waits %v, want %v", query, got, want)
		}
	}
}

func TestReadBody_TakesExactlyWhatItMay(t *testing.T) {
	t.Parallel()
	long := func(most int) error { return fmt.Errorf("longer than %d", most) }
	for size, whole := range map[int]bool{0: true, 9: true, 10: true, 11: false, 5000: false} {
		for _, declared := range [...]bool{true, false} {
			body := strings.Repeat("x", size)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			if !declared {
				r.ContentLength = -1
			}
			got, err := dialect.ReadBody(r, 10, long)
			if whole && (err != nil || string(got) != body) || !whole && (err == nil || err.Error() != "longer than 10") {
				t.Errorf("%d bytes, declared %v: %q, %v", size, declared, got, err)
			}
		}
	}
}
