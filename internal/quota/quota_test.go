package quota_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/quota"
)

const midnight = clock.Instant(1_772_323_200_000_000) // 2026-03-01T00:00:00Z

type world struct {
	*quota.Gate
	register *access.Register
	now      clock.Instant
}

// newWorld has a source "site" with the limits and the keys k0, k1 and so on.
func newWorld(t testing.TB, of *access.Limits, keys ...*access.Limits) *world {
	t.Helper()
	w := &world{now: midnight + 1}
	at := func() time.Time { return w.now.Time() }
	r, _, err := access.Open(vfs.Default, t.TempDir(), at, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := access.Source{Key: "site", Name: "Site", Kind: "web", Rules: access.Rules{Limits: of}}
	for i, l := range keys {
		s.WriteKeys = append(s.WriteKeys, access.WriteKey{Key: key(i), Limits: l})
	}
	if _, _, err := r.PutSource("test", s); err != nil {
		t.Fatal(err)
	}
	w.register, w.Gate = r, quota.New(r, at)
	return w
}

func key(i int) string { return fmt.Sprintf("k%d", i) }

func (w *world) send(key string, n int) error {
	return w.Events([]quota.Brought{{Source: "site", Key: key, Events: n}})
}

func (w *world) wait(d time.Duration) { w.now = w.now.Add(d) }

func TestEvents_WithoutLimitsAllPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	for range 100 {
		if err := w.send("k0", 1_000_000); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := w.Source("site"); ok {
		t.Error("a source without limits has a use")
	}
	if _, ok := w.Key("k0", "site"); ok {
		t.Error("a key without limits has a use")
	}
}

func TestEvents_BeyondTheRateTellsWhenToComeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &access.Limits{PerSecond: 10, Burst: 20}, nil)
	if err := w.send("k0", 20); err != nil {
		t.Fatal(err)
	}
	err := w.send("k0", 15)
	if fault.KindOf(err) != fault.Limited || fault.RetryAfter(err) != 2 {
		t.Fatalf("%v, retry after %d s", err, fault.RetryAfter(err))
	}
	w.wait(1499 * time.Millisecond)
	if err := w.send("k0", 15); err == nil {
		t.Error("it fits too early")
	}
	w.wait(2 * time.Millisecond)
	if err := w.send("k0", 15); err != nil {
		t.Errorf("when it said: %v", err)
	}
	use, ok := w.Source("site")
	if !ok || use != (quota.LimitUse{Today: 35, Refused: 30}) || w.Refused()["site"] != 30 {
		t.Errorf("%+v %v", use, w.Refused())
	}
	// A batch larger than a burst passes when all is full, and is paid for.
	w.wait(time.Minute)
	if err := w.send("k0", 120); err != nil {
		t.Error(err)
	}
	w.wait(9 * time.Second)
	if err := w.send("k0", 1); err == nil {
		t.Error("a debt is forgotten")
	}
}

func TestEvents_AKeysOwnLimitStopsItAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, &access.Limits{PerSecond: 1}, nil)
	if err := w.send("k0", 10); err != nil {
		t.Fatal(err)
	}
	if fault.KindOf(w.send("k0", 1)) != fault.Limited {
		t.Error("it passes")
	}
	if err := w.send("k1", 1000); err != nil {
		t.Error(err)
	}
	// All of a request or none.
	if err := w.Events([]quota.Brought{{"site", "k1", 5}, {"site", "k0", 1}}); fault.KindOf(err) != fault.Limited {
		t.Error(err)
	}
	if use, ok := w.Key("k0", "site"); !ok || use.Today != 10 || use.Refused != 2 {
		t.Errorf("%+v", use)
	}
	if w.Refused()["site"] != 2 {
		t.Errorf("%v", w.Refused())
	}
}

func TestEvents_ADaysSumEndsAtMidnightAndOutlastsARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &access.Limits{PerDay: 100}, nil)
	w.wait(23*time.Hour + 58*time.Minute)
	if err := w.send("k0", 60); err != nil {
		t.Fatal(err)
	}
	kept, err := w.Keep()
	if err != nil || kept == nil {
		t.Fatal(err)
	}
	if again, _ := w.Keep(); again != nil {
		t.Error("nothing changed, and it is kept again")
	}
	w.Gate = quota.New(w.register, func() time.Time { return w.now.Time() })
	if err := w.Remember(kept); err != nil {
		t.Fatal(err)
	}
	err = w.send("k0", 41)
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Code != "quota_used_up" || fault.RetryAfter(err) != 120 {
		t.Fatalf("%v, retry after %d s", err, fault.RetryAfter(err))
	}
	if err := w.send("k0", 40); err != nil {
		t.Error(err)
	}
	w.wait(2 * time.Minute)
	if err := w.send("k0", 100); err != nil {
		t.Errorf("the day after: %v", err)
	}
	if err := w.Remember([]byte("{")); err == nil {
		t.Error("a damaged file is read")
	}
}

// A request has its keys' events counted together: neither what came before in it
// nor another key of the source leaves the day's sum to be overrun.
func TestEvents_ADaysSumIsNotOverrunWithinARequest(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]quota.Brought{
		"one key, event by event": {{"site", "k0", 1}, {"site", "k0", 1}, {"site", "k0", 1}},
		"two keys of a source":    {{"site", "k0", 2}, {"site", "k1", 1}},
		"a key of its own limit":  {{"site", "k1", 1}, {"site", "k2", 1}, {"site", "k2", 1}},
	} {
		w := newWorld(t, &access.Limits{PerDay: 2}, nil, nil, &access.Limits{PerDay: 1})
		if f, ok := errors.AsType[*fault.Fault](w.Events(all)); !ok || f.Code != "quota_used_up" {
			t.Errorf("%s: %v", name, f)
		}
		// None of it was let through.
		if use, _ := w.Source("site"); use.Today != 0 || use.Refused == 0 {
			t.Errorf("%s: the source has used %+v", name, use)
		}
		for i := range 3 {
			if use, _ := w.Key(key(i), "site"); use.Today != 0 {
				t.Errorf("%s: key %d has used %+v", name, i, use)
			}
		}
		if err := w.Events(all[:1]); err != nil {
			t.Errorf("%s: less does not pass: %v", name, err)
		}
	}
}

// What is more than a burst passes when all is full, whichever keys it came with.
func TestEvents_SeveralKeysPassABurstTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &access.Limits{PerSecond: 1, Burst: 10}, nil, nil)
	if err := w.Events([]quota.Brought{{"site", "k0", 8}, {"site", "k1", 8}}); err != nil {
		t.Fatal(err)
	}
	w.wait(6 * time.Second)
	if err := w.send("k0", 1); err == nil {
		t.Error("a debt is forgotten")
	}
}

func TestKeep_OutlastsARestartForEachKeyAndForgetsThoseThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &access.Limits{PerDay: 10}, nil, nil, &access.Limits{PerDay: 10})
	again := func() string {
		t.Helper()
		kept, err := w.Keep()
		if err != nil || kept == nil {
			t.Fatalf("%s %v", kept, err)
		}
		w.Gate = quota.New(w.register, func() time.Time { return w.now.Time() })
		if err := w.Remember(kept); err != nil {
			t.Fatal(err)
		}
		return string(kept)
	}
	for i, n := range []int{2, 3, 4} {
		if err := w.send(key(i), n); err != nil {
			t.Fatal(err)
		}
	}
	if w.send("k1", 5) == nil {
		t.Fatal("it passes")
	}
	again()
	if use, ok := w.Key("k1", "site"); !ok || use != (quota.LimitUse{Today: 3, Refused: 5}) {
		t.Errorf("after a restart a key has used %+v", use)
	}
	// Limits that are taken away leave what was counted, and a key that is not.
	edit := func(change func(*access.Source)) {
		t.Helper()
		if _, err := w.register.EditSource("test", "site", change); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(s *access.Source) { s.Limits, s.WriteKeys[2].Limits = nil, nil })
	if kept, err := w.Keep(); kept != nil || err != nil {
		t.Errorf("nothing is forgotten, and it is kept: %s %v", kept, err)
	}
	edit(func(s *access.Source) { s.Limits, s.WriteKeys = &access.Limits{PerDay: 10}, s.WriteKeys[:1] })
	if text := again(); strings.Contains(text, "k1") || strings.Contains(text, "k2") || !strings.Contains(text, `"k0"`) {
		t.Errorf("kept: %s", text)
	}
	if use, _ := w.Source("site"); use.Today != 9 {
		t.Errorf("the source has used %+v", use)
	}
	w.wait(24 * time.Hour)
	if use, _ := w.Key("k0", "site"); use.Today != 0 {
		t.Errorf("the day after a key has used %+v", use)
	}
	if err := w.register.DropSource("test", "site"); err != nil {
		t.Fatal(err)
	}
	if text := again(); strings.Contains(text, "site") {
		t.Errorf("kept: %s", text)
	}
	if err := w.Remember([]byte(`{"sources":{"a":null,"b":{"shares":{"x":null}}},"keys":{"y":null}}`)); err != nil {
		t.Error(err)
	}
}

func TestRequest_BoundsASecretKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	k, err := w.register.CreateSecretKey("test", "", access.KeyTerms{Name: "x", Scopes: []string{access.ScopeRead}, Limits: &access.Limits{PerSecond: 1, Burst: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []fault.Kind{fault.Internal, fault.Internal, fault.Limited} {
		if err := w.Request(k.ID); (err == nil) != (want == fault.Internal) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if use, ok := w.Key(k.ID, ""); !ok || use.Today != 2 || use.Refused != 1 {
		t.Errorf("%+v", use)
	}
	if err := w.Request("key_of_somebody"); err != nil {
		t.Error(err)
	}
	next, err := w.register.RotateSecretKey("test", k.ID, time.Hour)
	if err != nil || next.Limits == nil || *next.Limits != *k.Limits {
		t.Errorf("a rotated key has the limits %+v: %v", next.Limits, err)
	}
}

// TestEvents_KeysShareASourceFairly sends with several keys, some far too much: on
// the long run no more passes than the source may bring, nearly as much does, and
// each key gets what it sends up to its even part.
func TestEvents_KeysShareASourceFairly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		rate := rapid.IntRange(20, 2000).Draw(r, "rate")
		n := rapid.IntRange(1, 5).Draw(r, "keys")
		w := newWorld(t, &access.Limits{PerSecond: rate}, make([]*access.Limits, n)...)
		wants := make([]int, n) // events a second
		for i := range wants {
			wants[i] = rapid.IntRange(1, 4*rate).Draw(r, "wants")
		}
		const steps, step = 400, 50 * time.Millisecond
		seconds := float64(steps) * step.Seconds()
		passed, total, owed := make([]int, n), 0, make([]float64, n)
		for s := range steps {
			for j := range n {
				i := (j + s) % n
				owed[i] = min(owed[i]+float64(wants[i])*step.Seconds(), float64(wants[i])) // what waits longer is given up
				for size := max(wants[i]/50, 1); owed[i] >= float64(size); owed[i] -= float64(size) {
					if w.send(key(i), size) != nil {
						break
					}
					passed[i] += size
					total += size
				}
			}
			w.wait(step)
		}
		burst := 10 * rate
		if most := float64(rate)*seconds + 2*float64(burst); float64(total) > most {
			r.Fatalf("%d passed, at most %.0f may", total, most)
		}
		wanted := 0.0
		for i := range wants {
			wanted += float64(wants[i])
			if fair := min(float64(wants[i]), float64(rate)/float64(n)) * seconds; float64(passed[i]) < 0.85*fair-float64(wants[i]) {
				r.Errorf("key %d of %v at %d/s: %d passed of a fair %.0f", i, wants, rate, passed[i], fair)
			}
		}
		if least := 0.85 * min(wanted, float64(rate)) * seconds; float64(total) < least-wanted {
			r.Errorf("%v at %d/s: only %d passed of %.0f", wants, rate, total, least)
		}
	})
}
