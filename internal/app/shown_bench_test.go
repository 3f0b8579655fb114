package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rapport/internal/app"
	"rapport/internal/config"
)

// BenchmarkWhatToShow asks the whole of /v1/decide in this process, without a
// socket: a stored profile, 5 experiments, 500 offers that may all be shown, 3
// of them chosen, the decision written down and folded beside. cpu-ns/op is all
// of that; ns/op is what the caller waits.
func BenchmarkWhatToShow(b *testing.B) {
	c, err := config.Load(config.Input{Flags: map[string]string{
		"data": b.TempDir(), "listen": "127.0.0.1:0", "memory": "1GiB", "write_key": writeKey, "secret_key": secretKey,
	}})
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.Open(b.Context(), c, app.Parts{Version: "test"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := a.Close(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	const people = 2000
	door := &inProcess{b, a.Handler()}
	door.prepare(people)
	used := func() int64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return r.Utime.Nano() + r.Stime.Nano()
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := used()
	for i := range b.N {
		n := i % people
		text := door.ask("POST", "/v1/decide", fmt.Sprintf(
			`{"userId":"u%d","anonymousId":"d%d","placements":["hero"],"experiments":["e0","e1","e2","e3","e4"],"channel":"web"}`, n, n))
		if i == 0 && (strings.Count(text, `"offer_version"`) != 3 || strings.Count(text, `"reason":"assigned"`) != 5) {
			b.Fatal(text)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
}

// inProcess asks the handler itself.
type inProcess struct {
	b       *testing.B
	handler http.Handler
}

func (d *inProcess) ask(method, path, body string) string {
	r := httptest.NewRequestWithContext(d.b.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+secretKey)
	if strings.HasPrefix(path, "/v1/batch") {
		r.Header.Del("Authorization")
		r.SetBasicAuth(writeKey, "")
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	if w.Code/100 != 2 {
		d.b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.String()
}

func (d *inProcess) prepare(people int) {
	put := func(path string, document any) {
		text, err := json.Marshal(document)
		if err != nil {
			d.b.Fatal(err)
		}
		d.ask("PUT", "/api/v1"+path+"?wait=applied", string(text))
	}
	type object = map[string]any
	put("/placements/hero", object{"count": 3, "valid_for": "0s", "ranking": object{"formula": "offer.priority * (1 + count(person.segments))"}})
	for n := range 5 {
		put(fmt.Sprintf("/experiments/e%d", n), object{"name": fmt.Sprint("e", n), "state": "running", "variants": []object{{"key": "a"}, {"key": "b"}}})
	}
	var all sync.WaitGroup
	for k := range 8 {
		all.Go(func() {
			for n := k; n < 500; n += 8 {
				put(fmt.Sprintf("/offers/o%d", n), object{
					"content": object{"hero": object{"*": object{"title": fmt.Sprint("Offer ", n)}}}, "priority": 1 + n*7919%500,
					"eligibility": object{"when": "person.traits.age >= 18"},
				})
			}
		})
	}
	all.Wait()
	for i := 0; i < people; i += 100 {
		var batch []string
		for j := i; j < i+100; j++ {
			batch = append(batch, fmt.Sprintf(`{"type":"identify","userId":"u%d","anonymousId":"d%d","messageId":"i%d","traits":{"age":%d}}`, j, j, j, 18+j%60))
		}
		d.ask("POST", "/v1/batch?wait=applied", `{"batch":[`+strings.Join(batch, ",")+`]}`)
	}
}
