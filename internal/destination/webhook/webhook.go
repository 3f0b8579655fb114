// Package webhook posts each message to an address, signed as Standard Webhooks
// say (https://www.standardwebhooks.com): by a shared secret (v1) or a private
// key (v1a), with several of them while they are changed. It never sends a body
// without a signature.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/destination"
)

// Settings are the settings of a webhook.
type Settings struct {
	URL     string            `json:"url" required:"true" doc:"Where messages are posted to"`
	Secrets []string          `json:"secrets" required:"true" secret:"true" doc:"What signs: whsec_ and base64 for a shared secret (v1), whsk_ and base64 for an ed25519 private key (v1a). Several while a secret is changed: all of them sign, so the receiver may know the old or the new one"`
	Headers map[string]string `json:"headers,omitempty" secret:"true" doc:"More headers to send"`
	Timeout int               `json:"timeout_seconds,omitempty" default:"15" doc:"How long an answer may take, 1 to 60"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "webhook", Title: "Webhook",
		About:  "Posts each message as JSON to an address of yours, signed by the rules of Standard Webhooks.",
		Schema: destination.SchemaOf[Settings](), Open: open,
	}
}

type sink struct {
	Settings
	signers []signer
	caller  destination.Caller
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	if err := destination.CheckURL("url", s.URL); err != nil {
		return nil, err
	}
	if s.Timeout < 1 || s.Timeout > 60 {
		return nil, destination.Invalid("timeout_seconds", "timeout_seconds %d: give 1 to 60", s.Timeout)
	}
	if err := destination.CheckHeaders("headers", s.Headers); err != nil {
		return nil, err
	}
	for _, secret := range s.Secrets {
		sign, err := newSigner(secret)
		if err != nil {
			return nil, err
		}
		s.signers = append(s.signers, sign)
	}
	hide := slices.Clone(s.Secrets)
	for _, secret := range s.Secrets {
		_, bare, _ := strings.Cut(secret, "_")
		hide = append(hide, bare)
	}
	s.caller = destination.Caller{HTTP: env.HTTP, Now: env.Now, Mask: destination.NewMasker(hide...)}
	for name, value := range s.Headers {
		s.caller.Hide = append(s.caller.Hide, name)
		hide = append(hide, value)
	}
	if u, err := url.Parse(s.URL); err == nil && u.User != nil {
		password, _ := u.User.Password()
		hide = append(hide, password)
	}
	s.caller.Mask = destination.NewMasker(hide...)
	return s, nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 1, Concurrency: 16, Timeout: time.Duration(s.Timeout) * time.Second}
}

func (s *sink) Close() error { return nil }

// body is what a webhook says: type, timestamp and data as Standard Webhooks
// advise, and beside them whom it is about.
type body struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Person    string          `json:"person,omitempty"`
	Data      json.RawMessage `json:"data"`
}

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	for i, m := range batch {
		out[i] = s.one(ctx, &m)
	}
	return out
}

func (s *sink) one(ctx context.Context, m *destination.Message) destination.Result {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(body{string(m.Kind), m.Time.UTC(), m.Person, m.Payload}); err != nil {
		return destination.NoJSON()
	}
	sent := bytes.TrimSpace(text.Bytes())
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, nil)
	if err != nil {
		return destination.Result{Outcome: destination.Refused, Reason: "the address cannot be asked"}
	}
	for name, value := range s.Headers {
		q.Header.Set(name, value)
	}
	q.Header.Set("Content-Type", "application/json")
	sign(q.Header, s.signers, m.ID, s.caller.Now(), sent)
	r, _ := s.caller.Do(ctx, q, sent)
	return r
}
