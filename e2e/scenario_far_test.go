package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The words of scenarios in which the instance calls others: how somebody out
// there answers, and what they heard. farMark stands for their address.
const (
	others  = "OTHERS"
	heard   = "HEARD"
	farMark = "$others"
)

// far are those whom the instance calls, each at a path of their own.
type far struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]reply
	heard   map[string][]any
	open    chan struct{}
}

// reply is how a call is answered. The last of a list stays.
type reply struct {
	Status     int    `json:"status"`
	RetryAfter int    `json:"retry_after"`
	Do         string `json:"do"` // hang, cut
}

// outside lets somebody be out there, and the clock run: what is put off comes
// in its time.
func (s *scene) outside(t *testing.T) {
	t.Helper()
	f := &far{answers: map[string][]reply{}, heard: map[string][]any{}, open: make(chan struct{})}
	f.Server = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(func() { close(f.open); f.Close() })
	begin := time.Now()
	s.far, s.now = f, func() time.Time { return sceneTime.Add(time.Since(begin) + time.Duration(s.passed.Load())) }
}

func (f *far) answer(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	body, err := parse(raw)
	name := strings.Trim(r.URL.Path, "/")
	f.mu.Lock()
	a := reply{Status: http.StatusOK}
	if list := f.answers[name]; len(list) > 0 {
		if a = list[0]; len(list) > 1 {
			f.answers[name] = list[1:]
		}
	}
	if a.Do == "" && a.Status/100 == 2 && err == nil {
		f.heard[name] = append(f.heard[name], body)
	}
	f.mu.Unlock()
	switch a.Do {
	case "hang":
		select {
		case <-r.Context().Done():
		case <-f.open:
		}
	case "cut":
		panic(http.ErrAbortHandler)
	}
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	w.WriteHeader(max(a.Status, http.StatusOK))
}

// act does what a file of a scenario says.
func (s *scene) act(ctx context.Context, x exchange) error {
	switch {
	case x.passes > 0:
		s.passed.Add(int64(x.passes))
		return nil
	case x.method == others:
		return s.far.script(x.path, x.body)
	case x.method == heard:
		return s.until(ctx, func() error { return s.overheard(x) })
	case x.again:
		return s.until(ctx, func() error {
			before := maps.Clone(s.known)
			err := s.play(ctx, x)
			if err != nil {
				s.known = before // what a wrong answer named is not known
			}
			return err
		})
	}
	return s.play(ctx, x)
}

// script says how somebody answers from now on: statuses, hang, cut, or a status
// with retry_after.
func (f *far) script(name string, body []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[name] = nil
	for _, raw := range list {
		var a reply
		if json.Unmarshal(raw, &a.Status) != nil && json.Unmarshal(raw, &a.Do) != nil {
			if err := json.Unmarshal(raw, &a); err != nil {
				return err
			}
		}
		if a.Do != "" && a.Do != "hang" && a.Do != "cut" {
			return fmt.Errorf("nobody can do %q: there are hang and cut", a.Do)
		}
		f.answers[name] = append(f.answers[name], a)
	}
	return nil
}

// overheard compares what somebody took, in its order.
func (s *scene) overheard(x exchange) error {
	want, err := parse(x.body)
	if err != nil {
		return err
	}
	s.far.mu.Lock()
	defer s.far.mu.Unlock()
	got := s.far.heard[x.path]
	if got == nil {
		got = []any{}
	}
	if err := s.match(want, got, ""); err != nil {
		text, _ := json.Marshal(got)
		return fmt.Errorf("%w\nit heard %s", err, text)
	}
	return nil
}

// until tries again for as long as it may take.
func (s *scene) until(ctx context.Context, try func() error) error {
	every, limit := time.NewTicker(25*time.Millisecond), time.NewTimer(time.Minute)
	defer every.Stop()
	defer limit.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-every.C:
		case <-limit.C:
			return fmt.Errorf("it does not come about: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
