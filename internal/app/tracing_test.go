package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"rapport/internal/app"
)

// gatherer is a collector of traces.
type gatherer struct {
	collector.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   []*wire.Span
	all     []string // as text, with what belongs to all spans
	headers []string
	news    chan struct{}
}

func (g *gatherer) take(r *collector.ExportTraceServiceRequest, header string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.headers = append(g.headers, header)
	g.all = append(g.all, r.String())
	for _, rs := range r.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			g.spans = append(g.spans, ss.Spans...)
		}
	}
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// Export takes spans over gRPC.
func (g *gatherer) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	in, _ := metadata.FromIncomingContext(ctx)
	g.take(r, strings.Join(in.Get("x-tenant"), ","))
	return &collector.ExportTraceServiceResponse{}, nil
}

// ServeHTTP takes spans over HTTP.
func (g *gatherer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	zipped, err := gzip.NewReader(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(r.URL.Path, err), http.StatusBadRequest)
		return
	}
	raw, err := io.ReadAll(zipped)
	var in collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(raw, &in) != nil {
		http.Error(w, "no spans", http.StatusBadRequest)
		return
	}
	g.take(&in, r.Header.Get("X-Tenant"))
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// until waits for spans of these names in a trace; of a trace: all.
func (g *gatherer) until(t *testing.T, traceID string, names ...string) []*wire.Span {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		g.mu.Lock()
		var found []*wire.Span
		missing := slices.Clone(names)
		for _, s := range g.spans {
			if traceID == "" || hex.EncodeToString(s.TraceId) == traceID {
				found = append(found, s)
				missing = slices.DeleteFunc(missing, func(n string) bool { return n == s.Name })
			}
		}
		g.mu.Unlock()
		if len(missing) == 0 {
			return found
		}
		select {
		case <-g.news:
		case <-limit.C:
			t.Fatalf("no span %v in trace %q, only %v", missing, traceID, found)
		}
	}
}

const parentTrace, parentSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

func traced(t *testing.T, endpoint string, sample float64) *app.App {
	t.Helper()
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	c.Tracing.Endpoint, c.Tracing.Headers, c.Tracing.Sample = endpoint, "X-Tenant=ops", sample
	return open(t, c)
}

// A request that somebody traces is followed through log and lanes; what is sent of
// it names nobody, and what it causes is told who caused it.
func TestTracing_FollowsARequestAndNamesNobody(t *testing.T) {
	t.Parallel()
	g := &gatherer{news: make(chan struct{}, 1)}
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	var mu sync.Mutex
	var passedOn []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		passedOn = append(passedOn, r.Header.Get("Traceparent"))
	}))
	t.Cleanup(hook.Close)
	a := traced(t, srv.URL, 1)
	api(t, a, "PUT", "/destinations/crm?wait=applied", fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},"events":{}}`, hook.URL), 201)
	body := `{"userId":"canary-user","event":"Canary Event","messageId":"canary-message","properties":{"secret":"canary-value"},"context":{"traits":{"email":"canary@example.com"},"ip":"203.0.113.77"}}`
	status, _, text := call(t, "POST", a.URL()+"/v1/track?wait=applied&canary=query", body, "Traceparent", "00-"+parentTrace+"-"+parentSpan+"-01", "User-Agent", "canary-agent",
		"Authorization", "Basic "+basic(writeKey), "X-Request-Id", "canary-request")
	if status != 200 {
		t.Fatal(text)
	}
	spans := g.until(t, parentTrace, "POST /v1/", "append", "wait", "batch", "resolve", "load", "fold", "send")
	for _, s := range spans {
		if s.Name == "POST /v1/" && hex.EncodeToString(s.ParentSpanId) != parentSpan {
			t.Errorf("the request stands below %x", s.ParentSpanId)
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s ends before it begins", s.Name)
		}
	}
	call(t, "GET", a.URL()+"/api/v1/profiles/user_id:canary-user", "", bearer()...)
	g.until(t, "", "GET /api/v1/profiles/{ref}", "delivery")
	g.mu.Lock()
	all := strings.Join(g.all, "\n")
	header := g.headers[0]
	g.mu.Unlock()
	for _, secret := range []string{"canary", "Canary", "203.0.113.77", writeKey, secretKey} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("a span says %q: %s", secret, all[max(0, i-200):min(len(all), i+100)])
		}
	}
	if header != "ops" || !strings.Contains(all, `"rapport"`) || !strings.Contains(all, "http.route") {
		t.Errorf("headers %q of %s", header, all[:min(len(all), 2000)])
	}
	mu.Lock()
	defer mu.Unlock()
	if len(passedOn) == 0 || !strings.HasPrefix(passedOn[0], "00-") || len(passedOn[0]) != 55 {
		t.Errorf("the destination heard %q", passedOn)
	}
}

// Over gRPC, and of what nobody traces no more than the part that was asked for.
func TestTracing_OverGRPCAndOfAPart(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gatherer{news: make(chan struct{}, 1)}
	srv := grpc.NewServer()
	collector.RegisterTraceServiceServer(srv, g)
	go srv.Serve(l) //nolint:errcheck // it is stopped
	t.Cleanup(srv.Stop)
	a := traced(t, "grpc://"+l.Addr().String(), 0)
	for range 20 {
		call(t, "GET", a.URL()+"/api/v1/accounting", "", bearer()...)
		call(t, "GET", a.URL()+"/api/v1/accounting", "", append(bearer(), "Traceparent", "00-"+parentTrace+"-"+parentSpan+"-00")...)
	}
	call(t, "GET", a.URL()+"/api/v1/segments", "", append(bearer(), "Traceparent", "00-"+parentTrace+"-"+parentSpan+"-01")...)
	g.until(t, parentTrace, "GET /api/v1/segments")
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.spans) != 1 || g.headers[0] != "ops" {
		t.Errorf("%d spans, headers %v", len(g.spans), g.headers)
	}
}

// A collector in a private network that the settings do not allow is not reached,
// and one that is not there holds nobody up.
func TestTracing_KeepsTheRulesOfTheWayOut(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ConnState = func(net.Conn, http.ConnState) { asked <- struct{}{} }
	srv.Start()
	t.Cleanup(srv.Close)
	c := settings(t, t.TempDir())
	c.Tracing.Endpoint, c.Tracing.Sample = srv.URL, 1
	a, err := app.Open(t.Context(), c, app.Parts{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	track(t, a, "u", "Bought")
	if err := a.Close(context.Background()); err != nil { // sends what waits
		t.Fatal(err)
	}
	if len(asked) > 0 {
		t.Error("a private address was reached")
	}
}

func basic(user string) string {
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "/", bytes.NewReader(nil))
	r.SetBasicAuth(user, "")
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}
