// Package otlp sends traces by OpenTelemetry's protocol to a collector, over HTTP
// or gRPC, and goes on with traces of others by W3C's traceparent. It never puts
// anything into a span but what the instance itself named or counted, and never
// holds anybody up: what a collector does not take is let go of.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"rapport/internal/trace"
)

// Options are what traces are sent with.
type Options struct {
	// Endpoint is where the collector is: http:// or https:// for OTLP over HTTP,
	// grpc:// or grpcs:// for OTLP over gRPC. Without a path HTTP takes /v1/traces.
	Endpoint string
	Headers  map[string]string
	// Sample is the part of what nobody else traces that is traced here; PerSecond
	// bounds all that is begun here or goes on here.
	Sample    float64
	PerSecond int
	// Service and Version say who sends.
	Service, Version string
	// HTTP and Dial lead out.
	HTTP *http.Client
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger
}

// Tracing begins spans and sends them when they have ended.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   otel.Tracer
}

// The queue of spans that wait to be sent is bounded: beyond it they are let go of.
const (
	queued      = 4096
	sendEvery   = 2 * time.Second
	sendTimeout = 10 * time.Second
)

// Open begins. The collector need not be there yet.
func Open(ctx context.Context, o Options) (*Tracing, error) {
	to, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("opening traces: %w", err)
	}
	exporter, err := otlptrace.New(ctx, o.client(to))
	if err != nil {
		return nil, fmt.Errorf("opening traces: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(newSampler(o.Sample, o.PerSecond)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version))),
		sdk.WithBatcher(&sender{exporter, o.Log}, sdk.WithMaxQueueSize(queued), sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(sendTimeout)),
	)
	return &Tracing{provider, provider.Tracer("rapport")}, nil
}

// client speaks the protocol that the scheme asks for. The name of the collector
// is resolved where it is dialled, by the rules of the way out.
func (o *Options) client(to *url.URL) otlptrace.Client {
	if to.Scheme == "http" || to.Scheme == "https" {
		path := to.Path
		if path == "" || path == "/" {
			path = "/v1/traces"
		}
		options := []otlptracehttp.Option{
			otlptracehttp.WithEndpoint(to.Host), otlptracehttp.WithURLPath(path), otlptracehttp.WithHeaders(o.Headers),
			otlptracehttp.WithHTTPClient(o.HTTP), otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		}
		if to.Scheme == "http" {
			options = append(options, otlptracehttp.WithInsecure())
		}
		return otlptracehttp.NewClient(options...)
	}
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint("passthrough:///" + to.Host), otlptracegrpc.WithHeaders(o.Headers),
		otlptracegrpc.WithDialOption(grpc.WithNoProxy(), grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return o.Dial(ctx, "tcp", address)
		})),
	}
	if to.Scheme == "grpcs" {
		return otlptracegrpc.NewClient(append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(nil)))...)
	}
	return otlptracegrpc.NewClient(append(options, otlptracegrpc.WithInsecure())...)
}

// sender tells the log what a collector does not take, and nobody else.
type sender struct {
	sdk.SpanExporter
	log *slog.Logger
}

// ExportSpans sends.
func (s *sender) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := s.SpanExporter.ExportSpans(ctx, spans); err != nil {
		s.log.Warn("traces are not taken by their collector; these are let go of", "spans", len(spans), "error", err)
	}
	return nil
}

// Close sends what waits.
func (t *Tracing) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Root begins something that no request asked for.
func (t *Tracing) Root(name string) trace.Sink {
	_, s := t.tracer.Start(context.Background(), name)
	if !s.IsRecording() {
		return nil
	}
	return &span{t.tracer, s}
}

// span is one that is looked at.
type span struct {
	tracer otel.Tracer
	otel.Span
}

// Child begins a span below this one.
func (s *span) Child(name string) trace.Sink {
	_, c := s.tracer.Start(otel.ContextWithSpan(context.Background(), s.Span), name)
	return &span{s.tracer, c}
}

// Beside links it to another.
func (s *span) Beside(other trace.Sink) {
	if o, ok := other.(*span); ok {
		s.AddLink(otel.Link{SpanContext: o.SpanContext()})
	}
}

// Text sets an attribute.
func (s *span) Text(key, value string) { s.SetAttributes(attribute.String(key, value)) }

// Number sets an attribute.
func (s *span) Number(key string, n int64) { s.SetAttributes(attribute.Int64(key, n)) }

// Failed sets the status.
func (s *span) Failed(code string) { s.SetStatus(codes.Error, code) }

// Header is the value of traceparent.
func (s *span) Header() string {
	c := s.SpanContext()
	return fmt.Sprintf("00-%s-%s-%s", c.TraceID(), c.SpanID(), c.TraceFlags())
}

// End ends it.
func (s *span) End() { s.Span.End() }
