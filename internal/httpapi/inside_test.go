package httpapi

import (
	"net/http"
	"testing"

	"rapport/internal/access"
)

// The limits of a key hold for whoever has it, and not for what the instance does
// in its name.
func TestInside_IsNotHeldAgainstTheLimitsOfTheAuthor(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	k, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: "x", Scopes: []string{access.ScopeRead}, Limits: &access.Limits{PerSecond: 1, Burst: 1}})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: Inside(d.handler, k.ID, "demo")}
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://instance/api/v1/sources", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("from inside: %s", res.Status)
		}
	}
	for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		if got, text := d.ask(t, http.MethodGet, "/api/v1/sources", "", "Authorization", "Bearer "+k.Secret); got.StatusCode != want {
			t.Errorf("%d, want %d: %s", got.StatusCode, want, text)
		}
	}
}
