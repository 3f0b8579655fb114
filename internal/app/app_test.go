package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/fault"
	"rapport/internal/store"
)

const (
	writeKey  = "wk_of_the_test"
	secretKey = "rp_sk_of_the_test_0123456789"
)

func settings(t *testing.T, dir string) config.Config {
	t.Helper()
	c, err := config.Load(config.Input{Flags: map[string]string{
		"data": dir, "listen": "127.0.0.1:0", "memory": "256MiB", "write_key": writeKey, "secret_key": secretKey,
		"wait.timeout": "60s", "wait.max_timeout": "60s", // a machine may be busy
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, c config.Config) *app.App {
	t.Helper()
	return openWith(t, c, app.Parts{Version: "test"})
}

func openWith(t *testing.T, c config.Config, parts app.Parts) *app.App {
	t.Helper()
	a, err := app.Open(t.Context(), c, parts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func call(t *testing.T, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, method, url, res.StatusCode, res.Header, string(b))
	return res.StatusCode, res.Header, string(b)
}

func bearer() []string { return []string{"Authorization", "Bearer " + secretKey} }

func track(t *testing.T, a *app.App, user, event string) {
	t.Helper()
	body := fmt.Sprintf(`{"userId":%q,"event":%q,"messageId":%q,"writeKey":%q}`, user, event, user+event, writeKey)
	status, headers, text := call(t, "POST", a.URL()+"/v1/track?wait=applied", body)
	if status != 200 || strings.TrimSpace(text) != `{"success":true}` || headers.Get("Rapport-Applied") == "no" {
		t.Fatalf("track: %d %v %s", status, headers, text)
	}
}

func TestOpen_AnEventComesInAndIsReadAfterARestartAndARebuild(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	first := open(t, c)
	track(t, first, "u1", "Signed Up")
	profile := func(a *app.App) string {
		status, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:u1", "", bearer()...)
		if status != 200 || !strings.Contains(text, `"event_count":1`) {
			t.Fatalf("profile: %d %s", status, text)
		}
		return text
	}
	want := profile(first)
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := open(t, c)
	if got := profile(second); got != want {
		t.Errorf("after a restart\n%s\nbefore\n%s", got, want)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := store.Position(0)
	if err := app.Rebuild(t.Context(), c, app.Parts{}, func(done, _ store.Position) { told = done }); err != nil {
		t.Fatal(err)
	}
	if told == 0 {
		t.Error("no progress was told")
	}
	if got := profile(open(t, c)); got != want {
		t.Errorf("after a rebuild\n%s\nbefore\n%s", got, want)
	}
}

func TestOpen_DialectAndAPIStandSideBySide(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/metrics": 200, "/api/v1/openapi.json": 200,
		"/v1/projects/" + writeKey + "/settings": 200, "/projects/" + writeKey + "/settings": 200,
		"/sourceConfig/?writeKey=" + writeKey: 200, "/v1/nothing": 404, "/nothing": 404, "/api/v1/profiles": 401, "/": 200, "/console/people": 200,
	} {
		status, headers, text := call(t, "GET", a.URL()+path, "")
		if status != want || headers.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d, want %d: %s", path, status, want, text)
		}
		if status >= 400 && !json.Valid([]byte(text)) {
			t.Errorf("%s: the error is no JSON: %s", path, text)
		}
	}
	if status, _, _ := call(t, "POST", a.URL()+"/v1/track", `{"userId":"1","event":"x","writeKey":"nobodys"}`); status != 401 {
		t.Errorf("unknown write key: %d", status)
	}
}

func TestOpen_AMappingOfASourceIsInForceAtOnce(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	const source = `{"name":"Shop","kind":"web","priority":3,"item_actions":%s}`
	status, _, text := call(t, "PUT", a.URL()+"/api/v1/sources/default", fmt.Sprintf(source, `{"actions":[{"action":"Gloat","class":"nonsense"}]}`), bearer()...)
	if status != 400 || !strings.Contains(text, "problem") {
		t.Errorf("a mapping of an unknown class: %d %s", status, text)
	}
	track(t, a, "u1", "Looked Closely")
	status, _, text = call(t, "PUT", a.URL()+"/api/v1/sources/default", fmt.Sprintf(source, `{"events":{"Looked Closely":"View Item Detail"}}`), bearer()...)
	if status != 200 {
		t.Fatal(text)
	}
	track(t, a, "u2", "Looked Closely")
	_, _, before := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:u1/timeline", "", bearer()...)
	_, _, after := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:u2/timeline", "", bearer()...)
	if !strings.Contains(after, `"item_action":"View Item Detail"`) {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

func TestOpen_SaysWhatIsWrongBeforeItServes(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a := open(t, c)
	other := settings(t, t.TempDir())
	other.Listen = strings.TrimPrefix(a.URL(), "http://")
	if _, err := app.Open(t.Context(), other, app.Parts{}); err == nil || !strings.Contains(err.Error(), "RAPPORT_LISTEN") {
		t.Errorf("a taken address: %v", err)
	}
	second := c
	second.Listen = "127.0.0.1:0"
	if _, err := app.Open(t.Context(), second, app.Parts{}); err == nil {
		t.Error("two instances opened one folder")
	}
	if status, _, _ := call(t, "GET", a.URL()+"/readyz", ""); status != 200 {
		t.Errorf("the first instance is no longer ready: %d", status)
	}
}

func TestOpen_WithoutItsInstanceKeyDataIsNotOpened(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a := open(t, c)
	track(t, a, "u1", "x")
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Data, "instance-key")
	if err := os.Rename(path, path+".lost"); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Open(t.Context(), c, app.Parts{}); err == nil || !strings.Contains(err.Error(), "instance-key") {
		t.Errorf("opened without the key: %v", err)
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Open(t.Context(), c, app.Parts{}); err == nil {
		t.Error("opened with a damaged key")
	}
}

func TestRebuild_WithoutDataIsAFault(t *testing.T) {
	t.Parallel()
	err := app.Rebuild(t.Context(), settings(t, t.TempDir()), app.Parts{}, nil)
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

// accepted tells whether a post was answered with success.
func accepted(ctx context.Context, url, body string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

func TestClose_LetsRequestsUnderWayFinish(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a := open(t, c)
	var wg sync.WaitGroup
	acknowledged := make([]int, 4)
	begun := make(chan struct{}, 4)
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf(`{"userId":"u%d","event":"e","messageId":"m%d","writeKey":%q}`, i, n, writeKey)
				if !accepted(t.Context(), a.URL()+"/v1/track", body) {
					return
				}
				if acknowledged[i]++; n == 3 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-begun
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	again := open(t, c)
	sum := 0
	for _, n := range acknowledged {
		sum += n
	}
	sums, err := again.Pipeline().Accounting(t.Context())
	if err != nil || sums.Stored < uint64(sum) || sums.Stored > uint64(sum)+4 || sums.Pending != 0 || sums.Received != sums.Stored {
		t.Errorf("%d acknowledged, accounting %+v, %v", sum, sums, err)
	}
}
