package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Target is the server that is played into. HTTP may be nil.
type Target struct {
	URL       string // without a slash at its end
	WriteKey  string
	SecretKey string
	HTTP      *http.Client
}

// tries is how often a request is sent before the play gives up. Sending again
// is safe: every message has its id.
const tries = 8

// post sends a batch of messages. The last batch of a play waits until it is
// applied, so that what is printed afterwards is there.
func (t Target) post(ctx context.Context, b batch, applied bool) error {
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encoding a batch: %w", err)
	}
	path := "/v1/batch"
	if applied {
		path += "?wait=applied&timeout=30s"
	}
	return t.send(ctx, http.MethodPost, path, body)
}

// put writes one document of the own API.
func (t Target) put(ctx context.Context, path string, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return t.send(ctx, http.MethodPut, path, body)
}

// send repeats a request as clients do: after 429 and 5xx, and when the
// connection broke; any other refusal ends the play.
func (t Target) send(ctx context.Context, method, path string, body []byte) error {
	var last error
	for n := range tries {
		_, wait, err := t.once(ctx, method, path, body)
		if err == nil {
			return nil
		}
		if wait < 0 {
			return err
		}
		last = err
		if err := pause(ctx, max(wait, time.Duration(50<<n)*time.Millisecond)); err != nil {
			return errors.Join(last, err)
		}
	}
	return fmt.Errorf("giving up after %d tries: %w", tries, last)
}

// once sends a request and gives the answer. A negative wait says that sending
// it again is useless.
func (t Target) once(ctx context.Context, method, path string, body []byte) (answer []byte, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, t.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, -1, err
	}
	req.Header.Set("Content-Type", "application/json")
	if bytes.HasPrefix(body, []byte("<")) {
		req.Header.Set("Content-Type", "application/xml")
	}
	if !strings.HasPrefix(path, "/api/") {
		req.SetBasicAuth(t.WriteKey, "")
	} else {
		req.Header.Set("Authorization", "Bearer "+t.SecretKey)
	}
	res, err := t.client().Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, -1, err
		}
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return nil, 0, err
	case res.StatusCode < 300:
		return answer, 0, nil
	}
	err = &refusal{res.StatusCode, fmt.Sprintf("%s %s answered %s: %s", method, path, res.Status, said(answer))}
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
		return nil, -1, err
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	return nil, time.Duration(seconds) * time.Second, err
}

// said is what an answer says of what is wrong.
func said(answer []byte) string {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(answer, &problem) == nil && problem.Detail != "" {
		return problem.Detail
	}
	return string(bytes.TrimSpace(answer))
}

// refusal is an answer that is no success.
type refusal struct {
	status int
	text   string
}

// Error says what was asked and what was answered.
func (r *refusal) Error() string { return r.text }

func (t Target) client() *http.Client {
	if t.HTTP != nil {
		return t.HTTP
	}
	return http.DefaultClient
}

// pause waits, or returns the reason why there is no more waiting.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
