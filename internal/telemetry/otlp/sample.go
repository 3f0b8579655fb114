package otlp

import (
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"
)

// sampler decides which spans are looked at: those below one that is, a part of
// what begins here, and what another system traces that asks us. Whoever may send
// a request can say that it traces, so that all of it together is bounded.
type sampler struct {
	part sdk.Sampler
	most float64 // a second

	mu   sync.Mutex
	left float64
	at   time.Time
}

func newSampler(part float64, most int) *sampler {
	return &sampler{part: sdk.TraceIDRatioBased(part), most: float64(most), left: float64(most), at: time.Now()}
}

// Description names it.
func (*sampler) Description() string { return "rapport" }

// ShouldSample decides.
func (s *sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	parent := otel.SpanContextFromContext(p.ParentContext)
	out := sdk.SamplingResult{Decision: sdk.Drop, Tracestate: parent.TraceState()}
	switch {
	case parent.IsValid() && !parent.IsRemote():
		if parent.IsSampled() {
			out.Decision = sdk.RecordAndSample
		}
		return out
	case parent.IsValid():
		if parent.IsSampled() && s.take() {
			out.Decision = sdk.RecordAndSample
		}
		return out
	}
	if out = s.part.ShouldSample(p); out.Decision == sdk.RecordAndSample && !s.take() {
		out.Decision = sdk.Drop
	}
	return out
}

// take tells whether one more fits.
func (s *sampler) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.left = min(s.most, s.left+now.Sub(s.at).Seconds()*s.most)
	s.at = now
	if s.left < 1 {
		return false
	}
	s.left--
	return true
}
