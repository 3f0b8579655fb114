// Package httpcall makes a request of templates for each message: method,
// address, headers, body and who asks are settings. A value of a message never
// chooses the host that is asked.
package httpcall

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"rapport/internal/destination"
	"rapport/internal/message"
)

// Settings are the settings of a request.
type Settings struct {
	Method      string            `json:"method,omitempty" enum:"POST,PUT,PATCH,DELETE,GET" default:"POST" doc:"The method"`
	URL         string            `json:"url" required:"true" doc:"Where to; Liquid may stand behind the host, such as https://api.example.com/people/{{ profile.traits.crm_id }}. Values are percent-encoded"`
	Headers     map[string]string `json:"headers,omitempty" doc:"More headers, with Liquid. A key belongs into auth or secret_headers"`
	Secrets     map[string]string `json:"secret_headers,omitempty" secret:"true" doc:"More headers whose values are kept encrypted; without Liquid"`
	Body        string            `json:"body,omitempty" doc:"Liquid for the body; left out: the payload as it is. With a JSON content type values are escaped as JSON: \"{{ name }}\" within quotes, {{ age }} without"`
	ContentType string            `json:"content_type,omitempty" default:"application/json" doc:"Of the body"`
	Auth        destination.Auth  `json:"auth,omitzero" doc:"How the request says who asks"`
	IDHeader    string            `json:"id_header,omitempty" default:"Idempotency-Key" doc:"The header that carries the message's id, the same with every attempt"`
	Delivered   []int             `json:"delivered_statuses,omitempty" doc:"Statuses beside 2xx that mean that the message is delivered, such as 409 where the other side had it before"`
	Lenient     bool              `json:"lenient,omitempty" doc:"Write nothing for a variable that is not there, instead of refusing the message"`
	Timeout     int               `json:"timeout_seconds,omitempty" default:"15" doc:"How long an answer may take, 1 to 60"`
	Concurrency int               `json:"concurrency,omitempty" default:"8" doc:"Requests at the same time, 1 to 64"`
	Rate        float64           `json:"rate,omitempty" doc:"Requests per second at most; left out: as many as there are"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "http", Title: "HTTP request",
		About:  "Makes a request for each message: method, address, headers and body are templates; a key, Basic or OAuth client credentials say who asks.",
		Schema: destination.SchemaOf[Settings](), Open: open, Content: []string{"body"},
	}
}

type sink struct {
	Settings
	url, body *message.Template
	headers   map[string]*message.Template
	signer    destination.Signer
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{headers: map[string]*message.Template{}}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	for _, check := range []func() error{s.checkNumbers, s.Auth.Check, s.compileURL, s.compileHeaders, s.compileBody} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	secrets := s.Auth.Secrets()
	hide := []string{s.Auth.Header}
	for name, value := range s.Secrets {
		secrets, hide = append(secrets, value), append(hide, name)
	}
	s.signer.Auth = s.Auth
	s.signer.Caller = &destination.Caller{
		HTTP: env.HTTP, Now: env.Now, Mask: destination.NewMasker(secrets...), Hide: hide, Judge: s.judge,
	}
	return s, nil
}

func (s *sink) checkNumbers() error {
	switch {
	case s.Timeout < 1 || s.Timeout > 60:
		return destination.Invalid("timeout_seconds", "timeout_seconds %d: give 1 to 60", s.Timeout)
	case s.Concurrency < 1 || s.Concurrency > 64:
		return destination.Invalid("concurrency", "concurrency %d: give 1 to 64", s.Concurrency)
	case s.Rate < 0:
		return destination.Invalid("rate", "rate %v: give a number above 0", s.Rate)
	case !httpguts.ValidHeaderFieldName(s.IDHeader):
		return destination.Invalid("id_header", "header %q cannot be sent", s.IDHeader)
	case !httpguts.ValidHeaderFieldValue(s.ContentType):
		return destination.Invalid("content_type", "the content type cannot be sent")
	}
	return nil
}

func (s *sink) compileURL() (err error) {
	scheme, rest, _ := strings.Cut(s.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	if strings.ContainsAny(host, "{}@%") {
		return destination.Invalid("url", "the host of the address cannot hold Liquid or a user: write it out, and give users under auth")
	}
	if err := destination.CheckURL("url", scheme+"://"+host); err != nil {
		return err
	}
	s.url, err = destination.Template("url", s.URL, message.URL)
	return err
}

func (s *sink) compileHeaders() (err error) {
	if err := destination.CheckHeaders("secret_headers", s.Secrets); err != nil {
		return err
	}
	if err := destination.CheckHeaders("headers", s.Headers); err != nil {
		return err
	}
	for name, source := range s.Headers {
		if s.headers[name], err = destination.Template("headers/"+name, source, message.Line); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) compileBody() (err error) {
	if s.Body == "" {
		return nil
	}
	f := message.Text
	switch {
	case s.json():
		f = message.JSON
	case strings.Contains(s.ContentType, "x-www-form-urlencoded"):
		f = message.URL
	case strings.Contains(s.ContentType, "html"), strings.Contains(s.ContentType, "xml"):
		f = message.HTML
	}
	s.body, err = destination.Template("body", s.Body, f)
	return err
}

func (s *sink) json() bool { return strings.Contains(s.ContentType, "json") }

func (s *sink) judge(status int, _ []byte) (destination.Outcome, string) {
	if slices.Contains(s.Delivered, status) {
		return destination.Delivered, ""
	}
	return "", ""
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 1, Concurrency: s.Concurrency, Rate: s.Rate, Timeout: time.Duration(s.Timeout) * time.Second}
}

func (s *sink) Close() error { return nil }

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	for i := range batch {
		out[i] = s.one(ctx, &batch[i])
	}
	return out
}

func (s *sink) one(ctx context.Context, m *destination.Message) destination.Result {
	vars, err := destination.Vars(m)
	if err != nil {
		return destination.NoJSON()
	}
	in := message.Input{Now: m.Time, Vars: vars, Lenient: s.Lenient}
	address, err := s.url.Render(in)
	if err != nil {
		return destination.BadTemplate("address", err)
	}
	body, bad := s.content(m, in)
	if bad != nil {
		return *bad
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return destination.Result{Outcome: destination.Refused, Reason: "the address cannot be asked as it is written"}
	}
	q, err := http.NewRequestWithContext(ctx, s.Method, address, nil)
	if err != nil {
		return destination.Result{Outcome: destination.Refused, Reason: "the address cannot be asked as it is written"}
	}
	if len(body) > 0 {
		q.Header.Set("Content-Type", s.ContentType)
	}
	q.Header.Set(s.IDHeader, m.ID)
	for name, t := range s.headers {
		value, err := t.Render(in)
		if err != nil {
			return destination.BadTemplate("header "+name, err)
		}
		q.Header.Set(name, value)
	}
	for name, value := range s.Secrets {
		q.Header.Set(name, value)
	}
	r, _ := s.signer.Do(ctx, q, body)
	return r
}

func (s *sink) content(m *destination.Message, in message.Input) ([]byte, *destination.Result) {
	if s.Method == http.MethodGet || s.Method == http.MethodDelete && s.body == nil {
		return nil, nil
	}
	if s.body == nil {
		if !json.Valid(m.Payload) {
			r := destination.NoJSON()
			return nil, &r
		}
		return m.Payload, nil
	}
	text, err := s.body.Render(in)
	if err != nil {
		r := destination.BadTemplate("body", err)
		return nil, &r
	}
	if s.json() && !json.Valid([]byte(text)) {
		return nil, &destination.Result{
			Outcome: destination.Refused, Request: []byte(text[:min(len(text), destination.MaxShown)]),
			Reason: "the body that the template writes is no JSON: write {{ name }} outside of quotes for a value and within them for a text",
		}
	}
	return []byte(text), nil
}
