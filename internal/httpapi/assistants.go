package httpapi

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/assistant"
	"rapport/internal/fault"
)

// toolPatience is how long a tool may take.
const toolPatience = 30 * time.Second

// callTool is the audit log's word for a tool that was called.
const callTool = "call-tool"

// assistingKey is where a message of an assistant is kept while it is answered.
type assistingKey struct{}

// assisting is the message: what a tool asks inside is asked by its caller.
type assisting struct {
	request *http.Request
	id      string // of the request
}

// assisted tells whether a request is part of an assistant's.
func assisted(ctx context.Context) bool { return ctx.Value(assistingKey{}) != nil }

// carried are the headers that say who asks, and why what is personal is looked
// at.
func carried() []string {
	return []string{"Authorization", "Cookie", consoleHeader, "Sec-Fetch-Site", unmaskHeader}
}

func (a *API) assistantRoutes() {
	a.assistants = assistant.New(assistant.Config{Version: a.Version, Ask: a.askInside, Note: a.noteTool})
	// The entropy of request ids is not needed: requests inside keep their ids.
	a.inside = Outer(a.Handler(), a.Metrics, a.Log, strings.NewReader(""))
	register(a, spec{
		id: "talk-to-assistant", method: http.MethodPost, path: "/mcp", tag: "process", scope: access.ScopeRead, status: http.StatusOK,
		summary: "The Model Context Protocol: tools for assistants, each with the caller's own rights",
		takes:   "application/json", returns: map[string]any{}, also: []int{http.StatusAccepted},
		data: impersonal, // of itself; each tool's answer is masked as its route says
	}, a.talk)
	// What is only taken note of is answered with nothing.
	a.huma.OpenAPI().Paths[prefix+"mcp"].Post.Responses["202"].Content = nil
}

// talk answers one message of an assistant.
func (a *API) talk(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	r := requestOf(ctx)
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", mediaMend)
	}
	message, err := io.ReadAll(io.LimitReader(r.Body, assistant.MaxBody+1))
	switch {
	case err != nil:
		return nil, fault.Errorf(fault.Invalid, "invalid_request", "the message could not be read to its end: send it again")
	case len(message) > assistant.MaxBody:
		return nil, fault.Errorf(fault.TooLarge, "too_large", "the message has more than %d bytes: send less at once", assistant.MaxBody)
	case bytes.HasPrefix(bytes.TrimSpace(message), []byte("[")):
		// The protocol has none since 2025-06-18, and each call is to count.
		return nil, fault.Errorf(fault.Invalid, "invalid_request", "batches are not taken: send one message of the protocol at a time")
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		_, w := humago.Unwrap(c)
		inner := r.WithContext(context.WithValue(ctx, assistingKey{}, &assisting{r, w.Header().Get(requestIDHeader)}))
		inner.Body = io.NopCloser(bytes.NewReader(message))
		if inner.Header.Get("Accept") == "" { // whoever says nothing takes anything
			inner.Header = r.Header.Clone()
			inner.Header.Set("Accept", "*/*")
		}
		held := &answerHeld{header: http.Header{}}
		a.assistants.ServeHTTP(held, inner)
		held.send(w)
	}}, nil
}

// askInside puts a tool's request to the API, as its caller: keys, sessions,
// rights, limits and masks are looked at as for any other. Tools run outside of
// the goroutine of their request, where nobody else catches a panic.
func (a *API) askInside(ctx context.Context, q assistant.Request) (reply assistant.Reply) {
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("a tool panicked", "panic", p, "stack", string(debug.Stack()))
			reply = assistant.Reply{Status: http.StatusInternalServerError}
		}
	}()
	from, _ := ctx.Value(assistingKey{}).(*assisting)
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.Method, prefix[:len(prefix)-1]+q.Target, bytes.NewReader(q.Body))
	if err != nil || from == nil {
		a.Log.Error("a tool made no request", "error", err)
		return assistant.Reply{Status: http.StatusInternalServerError}
	}
	for _, name := range carried() {
		if values := from.request.Header.Values(name); len(values) > 0 {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	r.Header.Set(requestIDHeader, from.id)
	r.Host, r.RemoteAddr, r.TLS, r.RequestURI = from.request.Host, from.request.RemoteAddr, from.request.TLS, r.URL.RequestURI()
	if q.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.New {
		r.Header.Set("If-None-Match", "*")
	}
	w := &answerHeld{header: http.Header{}}
	a.inside.ServeHTTP(w, r)
	return assistant.Reply{Status: w.status, Body: w.body.Bytes()}
}

// noteTool writes down who called which tool. What the tool did is noted beside
// it, as of every request.
func (a *API) noteTool(ctx context.Context, c assistant.Call) {
	e := access.Entry{At: a.Clock.Now(), Actor: author(ctx), Operation: callTool, Target: c.Tool, Status: c.Status}
	if c.Person != "" {
		e.About = a.Audit.Mark(c.Person)
	}
	if from, _ := ctx.Value(assistingKey{}).(*assisting); from != nil {
		e.From, e.RequestID = hostOf(from.request), from.id
	}
	a.writeDown(e)
}

// send hands the answer on. What is wrong with a message is said in plain text
// where it is no message at all; here that is a problem, as everywhere.
func (w *answerHeld) send(to http.ResponseWriter) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	kind, _, _ := mime.ParseMediaType(w.header.Get("Content-Type"))
	if w.status >= http.StatusBadRequest && kind != "application/json" {
		newProblem(w.status, "invalid_request", "this is no message of the Model Context Protocol: "+strings.TrimSpace(w.body.String())).write(to)
		return
	}
	for name, values := range w.header {
		if name != "Cache-Control" {
			to.Header()[name] = values
		}
	}
	to.WriteHeader(w.status)
	to.Write(w.body.Bytes()) //nolint:errcheck // the client is gone
}
