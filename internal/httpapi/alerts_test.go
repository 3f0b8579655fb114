package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

// What was said of an alert can be asked for by any key that an alert may have.
func TestAlertHistory_TakesTheLongestKey(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for length, want := range map[int]int{128: http.StatusOK, 129: http.StatusBadRequest} {
		if got, text := d.ask(t, http.MethodGet, "/api/v1/alert-history?alert="+strings.Repeat("k", length), ""); got.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d: %s", length, got.StatusCode, want, text)
		}
	}
}
