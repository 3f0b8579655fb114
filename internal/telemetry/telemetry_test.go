package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/telemetry"
)

func TestLogger_HidesSecretsWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, "debug", format)
		log.Info("x", "authorization", "Bearer abc123", "email", "jane@example.com",
			"url", "/a?key=rp_sk_s3cr3t&x=1", "error", errors.New(`bad "rp_at_t0k3n", really`))
		for _, secret := range []string{"abc123", "jane@", "s3cr3t", "t0k3n"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: %s shows in %s", format, secret, out.String())
			}
		}
		if !strings.Contains(out.String(), "really") {
			t.Errorf("%s: what is no secret is gone from %s", format, out.String())
		}
	}
}

func TestLogger_LevelAndFormatAreObeyed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "warn", "json")
	log.Info("quiet")
	log.Warn("loud", "n", 1)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "loud" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestMetrics_CountByRouteAndClassOfStatus(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("test")
	r := m.Route("GET /x/{id}")
	r.Done(200, time.Millisecond)
	r.Done(204, time.Millisecond)
	r.Done(503, time.Millisecond)
	r.Done(99, time.Millisecond)
	m.Gauge("rapport_things", "Things.", telemetry.Labels{"kind": "a"}, func() float64 { return 3 })
	m.Gauge("rapport_things", "Things.", telemetry.Labels{"kind": "b"}, func() float64 { return 4 })
	m.Counter("rapport_sums_total", "Sums.", nil, func() float64 { return 5 })
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, want := range []string{
		`rapport_http_requests_total{route="GET /x/{id}",status="2xx"} 2`,
		`rapport_http_requests_total{route="GET /x/{id}",status="5xx"} 1`,
		`rapport_http_requests_total{route="GET /x/{id}",status="other"} 1`,
		`rapport_http_request_seconds_count{route="GET /x/{id}"} 4`,
		`rapport_things{kind="a"} 3`, `rapport_things{kind="b"} 4`, "rapport_sums_total 5",
		`rapport_build_info{go="`,
	} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	if got := telemetry.Reference(m.Families()); strings.Count(got, "`rapport_things` | gauge | kind |") != 1 {
		t.Errorf("reference:\n%s", got)
	}
}

func TestRoute_CountingAllocatesNothing(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	r := telemetry.NewMetrics("test").Route("POST /v1/batch")
	if n := testing.AllocsPerRun(100, func() { r.Done(200, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations per request", n)
	}
}
