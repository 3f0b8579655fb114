package load

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

type body struct {
	SentAt string
	Batch  []struct {
		Type, MessageID, UserID, AnonymousID, Event string
		Timestamp                                   time.Time
		Context, Properties, Traits                 map[string]any
	}
}

func TestBodies_AreEventsOfAShop(t *testing.T) {
	t.Parallel()
	b := NewBodies(Shop, Sessions(1, 1_000_000), 1, 0, 1)
	ids, people, bytes, n := map[string]bool{}, map[string]int{}, 0, 0
	now := time.Date(2026, 1, 1, 23, 59, 59, 0, time.UTC)
	for i := range 50 {
		raw := b.AppendBatch(nil, 100, now.Add(time.Duration(i)*time.Second))
		var got body
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		for _, e := range got.Batch {
			if ids[e.MessageID] {
				t.Fatalf("message id %s comes twice", e.MessageID)
			}
			if d := now.Add(time.Duration(i) * time.Second).Sub(e.Timestamp); d <= 0 || d > 100*time.Millisecond {
				t.Fatalf("time %v is %v before the batch", e.Timestamp, d)
			}
			ids[e.MessageID] = true
			people[e.AnonymousID]++
			n++
		}
		bytes += len(raw)
	}
	if per := bytes / n; per < 600 || per > 850 {
		t.Errorf("%d bytes per event, want about 700", per)
	}
	if len(people) < n/100 || len(people) > n/4 {
		t.Errorf("%d people sent %d events, want about ten each and some more", len(people), n)
	}
}

func TestBodies_GiveEveryPersonAProfileOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for number := range 4 {
		b := NewBodies(Profiles, nil, 1, number, 4)
		var got body
		raw := b.AppendBatch(nil, 50, time.Now())
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		for _, e := range got.Batch {
			if traits, _ := json.Marshal(e.Traits); len(traits) < 1500 || len(traits) > 2500 {
				t.Errorf("%d bytes of traits, want about 2 KB", len(traits))
			}
			seen[e.UserID] = true
		}
	}
	if len(seen) != 200 || !seen["u-00000000"] || !seen["u-00000199"] {
		t.Errorf("%d people of 200", len(seen))
	}
}

func TestPeople_ComeUnevenlyOrEvenly(t *testing.T) {
	t.Parallel()
	most := func(p *People) int {
		n := map[uint32]int{}
		for range 200_000 {
			n[p.Next()]++
		}
		top := 0
		for _, c := range n {
			top = max(top, c)
		}
		return top
	}
	if s, u := most(Sessions(1, 10_000)), most(Uniform(1, 10_000)); s < 1_000 || u > 100 {
		t.Errorf("the busiest of sessions sent %d, of an even draw %d", s, u)
	}
}

func TestRun_SendsEveryEventOnce(t *testing.T) {
	t.Parallel()
	f := func(kind Kind, batch, events int) {
		var mu sync.Mutex
		var got []string
		refuse := 3
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if key, _, _ := r.BasicAuth(); key != "write" {
				w.WriteHeader(401)
				return
			}
			raw, _ := io.ReadAll(r.Body)
			if refuse--; refuse >= 0 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
			var b struct {
				MessageID string
				Batch     []struct{ MessageID string }
			}
			if err := json.Unmarshal(raw, &b); err != nil {
				t.Error(err)
			}
			if batch == 1 {
				got = append(got, b.MessageID)
			}
			for _, e := range b.Batch {
				got = append(got, e.MessageID)
			}
			if _, err := io.WriteString(w, `{"success":true}`); err != nil {
				t.Error(err)
			}
		}))
		defer srv.Close()
		res, err := Run(t.Context(), Job{
			Address: strings.TrimPrefix(srv.URL, "http://"), WriteKey: "write", Conns: 3, Batch: batch, Events: events, People: 100, Kind: kind,
		})
		slices.Sort(got)
		if err != nil || res.Events != events || len(slices.Compact(got)) != events || res.Refused != 3 ||
			res.Latency.Count() != uint64(res.Requests) {
			t.Errorf("batch %d: %d acknowledged, %d arrived, refused %d, %v", batch, res.Events, len(got), res.Refused, err)
		}
	}
	f(Shop, 100, 1050)
	f(Known, 100, 1050)
	f(Tracks, 1, 57)
}

func TestRun_SaysWhatTheServerAnswered(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	_, err := Run(t.Context(), Job{Address: strings.TrimPrefix(srv.URL, "http://"), Conns: 1, Batch: 10, Events: 10, People: 10})
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v", err)
	}
}

func TestHistogram_FindsQuantiles(t *testing.T) {
	t.Parallel()
	var a, b Histogram
	for i := range 1000 {
		(map[bool]*Histogram{true: &a, false: &b})[i%2 == 0].Add(time.Duration(i+1) * time.Millisecond)
	}
	a.Merge(&b)
	for share, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := a.Quantile(share); got < want*97/100 || got > want*104/100 {
			t.Errorf("quantile %v is %v, want about %v", share, got, want)
		}
	}
	if (&Histogram{}).Quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
}

func BenchmarkBodies(b *testing.B) {
	bodies := NewBodies(Shop, Sessions(1, 1_000_000), 1, 0, 1)
	buf := make([]byte, 0, 1<<20)
	now := time.Now()
	for b.Loop() {
		buf = bodies.AppendBatch(buf[:0], 100, now)
	}
	b.ReportMetric(float64(len(buf))/100, "bytes/event")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
}
