package openid_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"time"

	"rapport/internal/access/openid"
	"rapport/internal/access/openid/openidtest"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

// wire leads to a provider; to one that is dead it leads nobody, and takes its time.
type wire struct {
	now   clock.Instant
	dead  bool
	asked int
}

func (w *wire) clock() time.Time { return w.now.Time() }

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked++
	if w.dead {
		w.now = w.now.Add(10 * time.Second)
		return nil, context.DeadlineExceeded
	}
	return http.DefaultTransport.RoundTrip(r)
}

const here = "https://rapport.example.com/"

func TestProvider_ThatHangsIsLeftAloneAfterwards(t *testing.T) {
	t.Parallel()
	w := &wire{now: clock.From(time.Now()), dead: true}
	p := openid.New(openid.Config{Issuer: "https://login.example.com", ClientID: "rapport", HTTP: w, Clock: w.clock, Random: rand.Text})
	for range 3 { // those who waited for the first one's answer
		_, _, err := p.Begin(t.Context(), here)
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != "provider_away" {
			t.Fatalf("got %v", err)
		}
	}
	if w.asked != 1 {
		t.Errorf("it was asked %d times, one after the other", w.asked)
	}
	w.now = w.now.Add(6 * time.Second)
	if _, _, err := p.Begin(t.Context(), here); err == nil || w.asked != 2 {
		t.Errorf("it was not asked again: %d times, %v", w.asked, err)
	}
}

func TestProvider_EndIsKnownWhileItHangs(t *testing.T) {
	t.Parallel()
	provider, err := openidtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	w := &wire{now: clock.From(time.Now())}
	p := openid.New(openid.Config{Issuer: provider.URL, ClientID: openidtest.ClientID, HTTP: w, Clock: w.clock, Random: rand.Text})
	want := p.End(t.Context(), here)
	if want == "" {
		t.Fatal("the provider says nowhere where sessions end")
	}
	w.dead, w.now = true, w.now.Add(2*time.Hour)
	if got := p.End(t.Context(), here); got != want || w.asked != 1 {
		t.Errorf("got %q after %d questions, want %q after one", got, w.asked, want)
	}
	if address, _, err := p.Begin(t.Context(), here); err != nil || address == "" || w.asked != 2 {
		t.Errorf("what was known does not go on counting: %q, %v", address, err)
	}
}
