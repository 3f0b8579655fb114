// Package sms hands each message to a gateway for text messages or for pushes
// over HTTP, in the words that the gateway knows. It never sends to what is no
// number or token.
package sms

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/destination"
	"rapport/internal/message"
)

// Settings are the settings of a gateway.
type Settings struct {
	URL     string            `json:"url" required:"true" doc:"The gateway's address"`
	Channel string            `json:"channel,omitempty" enum:"sms,push" default:"sms" doc:"sms: the recipient is a phone number, which is checked; push: it is a device's token"`
	Format  string            `json:"format,omitempty" enum:"json,form" default:"json" doc:"How the request is written"`
	To      string            `json:"to" required:"true" doc:"Liquid for the recipient, such as {{ identifiers.phone }}"`
	From    string            `json:"from,omitempty" doc:"The sender: a number or a name that the gateway knows"`
	Title   string            `json:"title,omitempty" doc:"Liquid; of a push"`
	Text    string            `json:"text" required:"true" doc:"Liquid"`
	Fields  map[string]string `json:"fields,omitempty" doc:"What the gateway calls to, from, title, text and id, such as {\"to\":\"To\",\"text\":\"Body\"}; dots lead into objects of JSON. Left out: to, from, title, text and id"`
	Fixed   map[string]string `json:"fixed,omitempty" doc:"More fields with a fixed value"`
	Auth    destination.Auth  `json:"auth,omitzero" doc:"How the request says who asks"`
	Longest int               `json:"max_length,omitempty" default:"1600" doc:"Characters that a text may have; a longer one is refused"`
	Lenient bool              `json:"lenient,omitempty" doc:"Write nothing for a variable that is not there, instead of refusing the message"`
	Rate    float64           `json:"rate,omitempty" doc:"Messages per second at most; left out: as many as there are"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "sms", Title: "SMS or push gateway",
		About:  "Hands each message to a gateway for text messages or pushes over HTTP, as JSON or as a form, in the words that the gateway knows.",
		Schema: destination.SchemaOf[Settings](), Open: open, Content: []string{"title", "text"},
	}
}

type sink struct {
	Settings
	to, title, text *message.Template
	signer          destination.Signer
}

// names are the fields that a gateway may call otherwise.
var names = []string{"to", "from", "title", "text", "id"}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	if err := destination.CheckURL("url", s.URL); err != nil {
		return nil, err
	}
	if err := s.Auth.Check(); err != nil {
		return nil, err
	}
	if s.Longest < 1 || s.Rate < 0 {
		return nil, destination.Invalid("max_length", "max_length and rate must be above 0")
	}
	for name := range s.Fields {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") {
			return nil, destination.Invalid("fields", "fields names %q; it may name %s", name, strings.Join(names, ", "))
		}
	}
	var err error
	for name, part := range map[string]struct {
		source string
		into   **message.Template
	}{"to": {s.To, &s.to}, "title": {s.Title, &s.title}, "text": {s.Text, &s.text}} {
		if part.source == "" {
			continue
		}
		if *part.into, err = destination.Template(name, part.source, message.Text); err != nil {
			return nil, err
		}
	}
	s.signer.Auth = s.Auth
	s.signer.Caller = &destination.Caller{
		HTTP: env.HTTP, Now: env.Now, Mask: destination.NewMasker(s.Auth.Secrets()...), Hide: []string{s.Auth.Header},
	}
	return s, nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 1, Concurrency: 8, Rate: s.Rate, Timeout: 20 * time.Second}
}

func (s *sink) Close() error { return nil }

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	for i := range batch {
		out[i] = s.one(ctx, &batch[i])
	}
	return out
}

func refused(format string, args ...any) destination.Result {
	return destination.Result{Outcome: destination.Refused, Reason: fmt.Sprintf(format, args...)}
}

func (s *sink) one(ctx context.Context, m *destination.Message) destination.Result {
	values, bad := s.values(m)
	if bad != nil {
		return *bad
	}
	body, kind, err := s.body(values)
	if err != nil {
		return refused("the request cannot be written: %v", err)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, nil)
	if err != nil {
		return refused("the address cannot be asked")
	}
	q.Header.Set("Content-Type", kind)
	q.Header.Set("Idempotency-Key", m.ID)
	r, _ := s.signer.Do(ctx, q, body)
	return r
}

// values are what the gateway is told, by our names.
func (s *sink) values(m *destination.Message) (map[string]string, *destination.Result) {
	vars, err := destination.Vars(m)
	if err != nil {
		r := destination.NoJSON()
		return nil, &r
	}
	in := message.Input{Now: m.Time, Vars: vars, Lenient: s.Lenient}
	out := map[string]string{"id": m.ID, "from": s.From}
	for name, t := range map[string]*message.Template{"to": s.to, "title": s.title, "text": s.text} {
		if t == nil {
			continue
		}
		if out[name], err = t.Render(in); err != nil {
			r := destination.BadTemplate(name, err)
			return nil, &r
		}
	}
	out["to"] = strings.TrimSpace(out["to"])
	var bad destination.Result
	switch n := utf8.RuneCountInString(out["text"]); {
	case out["to"] == "":
		bad = refused("there is no recipient: the person has nothing where the setting to looks for it")
	case strings.TrimSpace(out["text"]) == "":
		bad = refused("the text is empty")
	case n > s.Longest:
		bad = refused("the text has %d characters; max_length allows %d", n, s.Longest)
	case s.Channel == "sms":
		number, ok := Number(out["to"])
		if ok {
			out["to"] = number
			return out, nil
		}
		bad = refused("the recipient %.40q is no phone number with its country, such as +4915112345678", out["to"])
	default:
		return out, nil
	}
	return nil, &bad
}

// Show writes a message for people to look at.
func (s *sink) Show(m *destination.Message) destination.Shown {
	vars, err := destination.Vars(m)
	if err != nil {
		return destination.Shown{Problem: destination.NoJSON().Reason}
	}
	out := destination.Shown{Parts: map[string]string{}}
	if to, err := s.to.Render(message.Input{Now: m.Time, Vars: vars, Lenient: s.Lenient}); err == nil {
		out.Address = strings.TrimSpace(to)
	}
	if number, ok := Number(out.Address); s.Channel == "sms" && ok {
		out.Address = number
	} else if s.Channel == "sms" {
		out.Address = ""
	}
	values, bad := s.values(m)
	if bad != nil {
		out.Problem = bad.Reason
		return out
	}
	for _, name := range []string{"title", "text"} {
		if values[name] != "" {
			out.Parts[name] = values[name]
		}
	}
	return out
}

// Number is a phone number as E.164 has it: a plus sign and 7 to 15 digits.
func Number(s string) (string, bool) {
	var b strings.Builder
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9', c == '+' && i == 0:
			b.WriteRune(c)
		case strings.ContainsRune(" -().\u00a0/", c):
		default:
			return "", false
		}
	}
	out := b.String()
	if rest, ok := strings.CutPrefix(out, "00"); ok {
		out = "+" + rest
	}
	if len(out) < 8 || len(out) > 16 || out[0] != '+' || out[1] == '0' {
		return "", false
	}
	return out, true
}

// body is the request in the gateway's words.
func (s *sink) body(values map[string]string) ([]byte, string, error) {
	form, object := url.Values{}, map[string]any{}
	put := func(name, value string) {
		form.Set(name, value)
		at := object
		path := strings.Split(name, ".")
		for _, step := range path[:len(path)-1] {
			below, ok := at[step].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[step] = below
			}
			at = below
		}
		at[path[len(path)-1]] = value
	}
	for name, value := range s.Fixed {
		put(name, value)
	}
	for _, name := range names {
		if values[name] == "" {
			continue
		}
		called := name
		if other, ok := s.Fields[name]; ok {
			called = other
		}
		if called != "" {
			put(called, values[name])
		}
	}
	if s.Format == "form" {
		return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
	}
	b, err := json.Marshal(object)
	return b, "application/json", err
}
