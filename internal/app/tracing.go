package app

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/telemetry/otlp"
	"rapport/internal/trace"
)

// openTracing lets traces be made, where the settings name a collector.
func (a *App) openTracing(ctx context.Context) (err error) {
	c := &a.config.Tracing
	if c.Endpoint == "" {
		return nil
	}
	a.tracing, err = otlp.Open(ctx, otlp.Options{
		Endpoint: c.Endpoint, Headers: c.HeaderMap(), Sample: c.Sample, PerSecond: c.PerSecond, Service: c.Service, Version: a.parts.Version,
		HTTP: a.egress.Client(), Dial: a.egress.Dial, Log: a.parts.Log,
	})
	if err != nil {
		return fmt.Errorf("opening what traces are sent with: %w", err)
	}
	return nil
}

// tracer begins spans of what no request asked for; nil: nobody traces.
func (a *App) tracer() trace.Tracer {
	if a.tracing == nil {
		return nil
	}
	return a.tracing
}

// tracesTimeout is how long a collector may take for the last of them.
const tracesTimeout = 5 * time.Second

func (a *App) closeTracing(ctx context.Context) {
	if a.tracing == nil {
		return
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
	defer cancel()
	if err := a.tracing.Close(limit); err != nil {
		a.parts.Log.Warn("the last traces were not sent", "error", err)
	}
}
