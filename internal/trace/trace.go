// Package trace marks the steps of what is done for a request or by a job, for
// whoever traces it. It never sends anything anywhere, never holds what somebody
// sent, and where nobody traces it costs a look into the context.
package trace

import "context"

// Sink is a span as whoever traces keeps it. It is safe for concurrent use.
type Sink interface {
	// Child begins a span below this one, which may have ended.
	Child(name string) Sink
	// Beside says that the span serves another one, too.
	Beside(other Sink)
	// Text and Number say what the span was about: names that the instance gave,
	// and counts. Nothing that came from a person.
	Text(key, value string)
	Number(key string, n int64)
	// Failed says with a stable code that it did not work.
	Failed(code string)
	// Header is how other systems go on with it: the value of traceparent.
	Header() string
	End()
}

// Tracer begins spans that nothing asked for. Nil: none are.
type Tracer interface {
	// Root begins a span; nil where this one is not looked at.
	Root(name string) Sink
}

// Span is a step. The zero value is one that nobody looks at.
type Span struct{ sink Sink }

type contextKey struct{}

// Start begins a step of what the context is about.
func Start(ctx context.Context, name string) (context.Context, Span) {
	parent := Of(ctx)
	if parent.sink == nil {
		return ctx, Span{}
	}
	return With(ctx, parent.sink.Child(name))
}

// Root begins something of its own; with a nil tracer it is not looked at.
func Root(ctx context.Context, t Tracer, name string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	sink := t.Root(name)
	if sink == nil {
		return ctx, Span{}
	}
	return With(ctx, sink)
}

// With is a context that is about a span.
func With(ctx context.Context, sink Sink) (context.Context, Span) {
	s := Span{sink}
	return context.WithValue(ctx, contextKey{}, s), s
}

// Of is the span that a context is about.
func Of(ctx context.Context) Span {
	s, _ := ctx.Value(contextKey{}).(Span)
	return s
}

// On tells that somebody looks.
func (s Span) On() bool { return s.sink != nil }

// Then begins what follows from some spans, which may have ended: below the first
// of them and beside the others.
func Then(ctx context.Context, from []Span, name string) (context.Context, Span) {
	if len(from) == 0 || !from[0].On() {
		return ctx, Span{}
	}
	sink := from[0].sink.Child(name)
	for _, s := range from[1:] {
		sink.Beside(s.sink)
	}
	return With(ctx, sink)
}

// Text says what the span was about.
func (s Span) Text(key, value string) {
	if s.sink != nil {
		s.sink.Text(key, value)
	}
}

// Number says how many of something there were.
func (s Span) Number(key string, n int) {
	if s.sink != nil {
		s.sink.Number(key, int64(n))
	}
}

// Failed says with a stable code that it did not work.
func (s Span) Failed(code string) {
	if s.sink != nil {
		s.sink.Failed(code)
	}
}

// Header is the value of traceparent; empty where nobody looks.
func (s Span) Header() string {
	if s.sink == nil {
		return ""
	}
	return s.sink.Header()
}

// End ends the span.
func (s Span) End() {
	if s.sink != nil {
		s.sink.End()
	}
}
