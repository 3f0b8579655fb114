// Package examples holds set-ups that run, and applies them to a server through
// its API. It never reads anything from the server, and it removes nothing.
package examples

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"rapport/internal/fault"
)

// files are the set-ups: txtar archives of requests, in their order.
//
//go:embed */setup.txtar
var files embed.FS

// Example is a set-up.
type Example struct {
	Name    string
	About   string // what it does, for people
	Request []Request
}

// Request is one call of the API.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Server is where a set-up goes.
type Server struct {
	URL string // scheme and host
	Key string // a secret key that may write definitions
}

// Names lists the examples.
func Names() []string {
	entries, _ := files.ReadDir(".") // embedded: it is there
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Name()
	}
	return out
}

// Setup gives an example by its name.
func Setup(name string) (*Example, error) {
	text, err := files.ReadFile(path.Join(name, "setup.txtar"))
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "unknown_example", "there is no example %q: take one of %s", name, strings.Join(Names(), ", "))
	}
	archive := txtar.Parse(text)
	out := &Example{Name: name, About: strings.TrimSpace(string(archive.Comment))}
	for _, f := range archive.Files {
		line, headers, _ := strings.Cut(strings.TrimSuffix(f.Name, ")"), " (")
		method, address, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("example %s: %q is no request", name, f.Name)
		}
		r := Request{Method: method, Path: address, Header: http.Header{"Content-Type": {"application/json"}}, Body: bytes.TrimSpace(f.Data)}
		if key, value, ok := strings.Cut(headers, ":"); ok {
			r.Header.Set(strings.TrimSpace(key), strings.TrimSpace(value))
		}
		out.Request = append(out.Request, r)
	}
	return out, nil
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// Apply sends the requests in their order and waits until each is applied. The
// first that is refused ends it: what came before stays, and applying again
// goes over it.
func (e *Example) Apply(ctx context.Context, to Server) error {
	for i := range e.Request {
		if err := e.Request[i].send(ctx, to); err != nil {
			return err
		}
	}
	return nil
}

func (q *Request) send(ctx context.Context, to Server) error {
	r, err := http.NewRequestWithContext(ctx, q.Method, strings.TrimSuffix(to.URL, "/")+q.Path+"?wait=applied", bytes.NewReader(q.Body))
	if err != nil {
		return fault.Errorf(fault.Invalid, "invalid_url", "%q is no address of a server: %v", to.URL, err)
	}
	r.Header = q.Header.Clone()
	r.Header.Set("Authorization", "Bearer "+to.Key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fault.Errorf(fault.Unavailable, "no_server", "no server answers at %s: start one with rapport serve, or name another with --url: %v", to.URL, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", q.Method, q.Path, err)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fault.Errorf(fault.Invalid, "refused", "%s %s was answered %d: %s", q.Method, q.Path, answer.StatusCode, bytes.TrimSpace(text))
	}
	return nil
}
