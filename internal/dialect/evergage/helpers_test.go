package evergage_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

const (
	now      = "2026-03-01T12:00:00.000Z"
	chromium = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140"
)

type keys struct{}

func (keys) SourceByDataset(name string) (evergage.Source, bool) {
	s, ok := map[string]evergage.Source{
		"engage": {Key: "shop"}, "crm": {Key: "crm", Verified: true}, "old data": {Key: "past", Historical: true},
	}[name]
	return s, ok
}

func (keys) SecretKey(id, secret, _ string) (evergage.Secret, bool) {
	may := func(scope string) bool { return strings.Contains(secret, scope) || strings.Contains(secret, "admin") }
	return evergage.Secret{ID: "key_1", May: may}, strings.HasPrefix(secret, "sk_") && (id == "" || id == "key_1")
}

var browserKey = evergage.Key{1, 2, 3, 31: 9}

func config(l *dialecttest.Ledger) evergage.Config {
	return evergage.Config{
		Accept: l, Keys: keys{}, Rules: identity.DefaultRules(), Key: browserKey,
		Now:    func() time.Time { return dialecttest.At(now).Time() },
		Random: func(b []byte) { copy(b, "0123456789abcdef") },
		Log:    slog.New(slog.DiscardHandler),
	}
}

type call struct {
	method, path, body string
	header             map[string]string
}

func send(d http.Handler, c call) *httptest.ResponseRecorder {
	if c.method == "" {
		c.method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(context.Background(), c.method, c.path, strings.NewReader(c.body))
	r.RemoteAddr = "203.0.113.9:4711"
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func basic(user, password string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

func form(text string) string { return "event=" + url.QueryEscape(text) }

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// described is an event in one line: what the tests compare.
func described(e *event.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", e.Type, e.Name)
	if e.ItemAction != "" {
		fmt.Fprintf(&b, " does %q", e.ItemAction)
	}
	for _, i := range e.Identifiers {
		b.WriteString(" " + i.String())
	}
	if e.Properties.Exists() {
		fmt.Fprintf(&b, " p=%s", jsondoc.AppendCanonical(nil, e.Properties))
	}
	if e.Traits.Exists() {
		fmt.Fprintf(&b, " t=%s", jsondoc.AppendCanonical(nil, e.Traits))
	}
	if e.Context.Exists() {
		fmt.Fprintf(&b, " c=%s", jsondoc.AppendCanonical(nil, e.Context))
	}
	return b.String()
}

// replayed maps an arrival again as it comes out of the log.
func replayed(a pipeline.Arrival) (*event.Event, error) {
	payload := a.Envelope.AppendPayload(nil, a.Event.Body.Raw())
	env, body, err := event.ReadPayload(payload)
	if err != nil {
		return nil, err
	}
	doc, err := jsondoc.Parse(body, jsondoc.Limits{})
	if err != nil {
		return nil, err
	}
	return evergage.NewMapper(identity.DefaultRules(), browserKey)(&env, doc.Root())
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Code
	}
	return ""
}
