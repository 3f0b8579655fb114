package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"rapport/internal/app"
	"rapport/internal/store/embedded"
)

// fullDisk is an instance whose disk can be filled: a small one of its own where
// one can be mounted, else one that is simulated below log and state alone.
type fullDisk struct {
	*testing.T
	*app.App
	real  bool
	fill  func()
	free  func()
	acked int
}

func newFullDisk(t *testing.T, receiver string) *fullDisk {
	t.Helper()
	dir := t.TempDir()
	d := &fullDisk{T: t}
	c := settings(t, filepath.Join(dir, "data"))
	c.Egress.Allow = "127.0.0.1"
	if d.real = mountSmall(t, dir, "64m"); d.real {
		c.Lake.URL, c.Backup.URL, c.Backup.Every = filepath.Join(dir, "lake"), filepath.Join(dir, "backups"), 0
		ballast := filepath.Join(dir, "ballast")
		d.fill = func() {
			f, err := os.Create(ballast)
			for err == nil {
				_, err = f.Write(make([]byte, 64<<10))
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			_ = f.Close() // nothing of it is read
		}
		d.free = func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
		d.App = open(t, c)
	} else {
		t.Log("no small disk can be mounted here: only log and state are on a full one")
		var full atomic.Bool
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			switch op.Kind {
			case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpReuseForWrite:
				if full.Load() {
					return syscall.ENOSPC
				}
			}
			return nil
		}))
		s, err := embedded.Open("store", embedded.Options{FS: fs, NoLock: true})
		if err != nil {
			t.Fatal(err)
		}
		d.fill, d.free = func() { full.Store(true) }, func() { full.Store(false) }
		d.App = openWith(t, c, app.Parts{Version: "test", Store: s})
	}
	api(t, d.App, "PUT", "/destinations/crm?wait=applied", fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},"events":{"names":["Told"]}}`, receiver), 201)
	return d
}

// send sends a batch and gives the status; what was taken is counted.
func (d *fullDisk) send() (int, http.Header) {
	d.Helper()
	var b bytes.Buffer
	for i := range 20 {
		fmt.Fprintf(&b, `,{"type":"track","event":"Told","userId":"u%d","messageId":"m%d-%d","properties":{"x":%q}}`, i, d.acked, i, strings.Repeat("x", 20<<10))
	}
	status, header, _ := call(d.T, "POST", d.URL()+"/v1/batch", `{"writeKey":"`+writeKey+`","batch":[`+b.String()[1:]+`]}`)
	if status == http.StatusOK {
		d.acked += 20
	}
	return status, header
}

// soon asks again until it is so.
func (d *fullDisk) soon(what string, ok func() bool) {
	d.Helper()
	every, limit := time.NewTicker(50*time.Millisecond), time.NewTimer(30*time.Second)
	defer every.Stop()
	defer limit.Stop()
	for !ok() {
		select {
		case <-every.C:
		case <-limit.C:
			d.Fatal("it does not come about: ", what)
		}
	}
}

func (d *fullDisk) health() string {
	status, _, text := call(d.T, "GET", d.URL()+"/api/v1/health", "", bearer()...)
	if status != http.StatusOK {
		d.Fatalf("health: %d %s", status, text)
	}
	return text
}

func (d *fullDisk) job(id string) (state, why string) {
	j := api(d.T, d.App, "GET", "/jobs/"+id, "", 200)
	why, _ = j["error"].(string)
	return j["state"].(string), why
}

// A full disk refuses what it cannot keep and says so; what is there can be read,
// nothing that was acknowledged is lost, told twice or given up, and once there is
// room all goes on by itself.
func TestFullDisk_RefusesReadsOnAndGoesOnByItself(t *testing.T) { //nolint:paralleltest // it fills a disk; others would meet it
	hook := listen(t, nil)
	d := newFullDisk(t, hook.URL)
	if status, _ := d.send(); status != http.StatusOK {
		t.Fatal(status)
	}
	hook.wait(t, 20)
	d.fill()
	status, header := d.send()
	for n := 0; status == http.StatusOK && n < 200; n++ { // room that the log had set aside
		status, header = d.send()
	}
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Fatalf("on a full disk: %d %v", status, header)
	}
	ask := func(method, path, body string, want int, says string) string {
		t.Helper()
		status, header, text := call(t, method, d.URL()+path, body, bearer()...)
		if status != want || !strings.Contains(text, says) || want == http.StatusServiceUnavailable && header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", method, path, status, text)
		}
		return text
	}
	ask("GET", "/readyz", "", 200, "")
	ask("GET", "/api/v1/profiles/user_id:u1", "", 200, "Told")
	ask("GET", "/api/v1/accounting", "", 200, fmt.Sprintf(`"received":%d,`, d.acked))
	ask("POST", "/v1/decide", `{"anonymousId":"a","placements":["p"]}`, 200, "")
	backup := ""
	if d.real {
		ask("PUT", "/api/v1/sources/late", `{"name":"Late","kind":"web"}`, 503, "disk_full")
		ask("POST", "/api/v1/imports?name=users.csv&kind=user", "user_id,email\n"+strings.Repeat("u1,u1@x.example\n", 10_000), 503, "disk_full")
		if status, _, text := call(t, "POST", d.URL()+"/api/v1/backups", "{}", bearer()...); status == http.StatusAccepted {
			var j struct{ ID string }
			if err := json.Unmarshal([]byte(text), &j); err != nil {
				t.Fatal(err)
			}
			backup = j.ID
			d.soon("the backup waits", func() bool { s, why := d.job(backup); return s == "waiting" && strings.Contains(why, "disk is full") })
		}
		d.soon("health says it", func() bool { return strings.Contains(d.health(), `"code":"disk"`) })
	} else {
		d.soon("health says it", func() bool { return strings.Contains(d.health(), `"code":"log_failing"`) })
	}
	if s := d.health(); !strings.Contains(s, `"status":"failing"`) {
		t.Errorf("health: %s", s)
	}
	d.free()
	d.soon("events are taken", func() bool { status, _ := d.send(); return status == http.StatusOK })
	if d.real {
		ask("PUT", "/api/v1/sources/late", `{"name":"Late","kind":"web"}`, 201, "")
		if backup != "" {
			d.soon("the backup is made", func() bool { s, _ := d.job(backup); return s == "done" })
		}
		d.soon("the lake goes on", func() bool { return !strings.Contains(d.health(), `"code":"lake"`) })
	}
	d.soon("health is well", func() bool { return !strings.Contains(d.health(), `"severity":"critical"`) })
	d.soon("all is applied", func() bool {
		return api(t, d.App, "GET", "/accounting", "", 200)["stored"] == float64(d.acked)
	})
	hook.wait(t, d.acked)
	hook.mu.Lock()
	defer hook.mu.Unlock()
	told := map[string]int{}
	for _, id := range hook.ids {
		told[id]++
	}
	if len(told) != d.acked || len(hook.ids) != d.acked {
		t.Errorf("%d messages of %d events, %d different", len(hook.ids), d.acked, len(told))
	}
}
