package manifest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"rapport/internal/fault"
)

// Client speaks with the API of an instance.
type Client struct {
	Base string // scheme and host
	Key  string // a secret key
	HTTP *http.Client
}

// maxAnswer bounds an answer: the file of a predictive model is the largest.
const maxAnswer = 80 << 20

func (c *Client) ask(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_server", "%s is no address of an instance: give scheme and host, such as http://127.0.0.1:8080", c.Base)
	}
	r.Header.Set("Authorization", "Bearer "+c.Key)
	if body != nil {
		r.Header.Set("Content-Type", contentType)
	}
	res, err := c.HTTP.Do(r)
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "no_server", "no instance answers at %s: %v", c.Base, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if res.StatusCode/100 == 2 {
		return answer, nil
	}
	var p struct{ Detail, Code string }
	_ = json.Unmarshal(answer, &p) // what is no problem document is told by its status
	kind := fault.Invalid
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		kind = fault.Unauthenticated
	case res.StatusCode == http.StatusNotFound:
		kind = fault.NotFound
	case res.StatusCode >= http.StatusInternalServerError:
		kind = fault.Unavailable
	}
	return nil, fault.Errorf(kind, cmp.Or(p.Code, "refused"), "the instance answers %d: %s", res.StatusCode, cmp.Or(p.Detail, http.StatusText(res.StatusCode)))
}

func (c *Client) get(ctx context.Context, path string) (*value, error) {
	answer, err := c.ask(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	v, err := parseJSON(answer)
	if err != nil {
		return nil, fmt.Errorf("the answer to GET %s is no JSON: %w", path, err)
	}
	return v, nil
}

// Fetch reads the definitions of an instance: of each the live version, else the
// newest that is not archived. only names kinds; none: all.
func (c *Client) Fetch(ctx context.Context, only []string) ([]*Object, error) {
	var out []*Object
	for _, k := range kinds() {
		if len(only) > 0 && !slices.Contains(only, k.Name) {
			continue
		}
		keys := []string{""}
		if !k.single {
			var err error
			if keys, err = c.keys(ctx, &k); err != nil {
				return nil, err
			}
		}
		for _, key := range keys {
			o, err := c.one(ctx, &k, key)
			if err != nil {
				return nil, fault.Errorf(fault.KindOf(err), "unreadable", "%s/%s: %v", k.Name, key, err)
			}
			if o != nil {
				out = append(out, o)
			}
		}
	}
	inOrder(out)
	return out, nil
}

func (c *Client) keys(ctx context.Context, k *Kind) ([]string, error) {
	path, cursor := k.path, ""
	if k.under != "" {
		path = kindNamed(k.under).path
	}
	var out []string
	for {
		page, err := c.get(ctx, path+"?limit=500"+cursor)
		if err != nil {
			return nil, err
		}
		for _, item := range page.get("items").items {
			out = append(out, item.get("key").text())
		}
		next := page.get("next").text()
		if next == "" {
			return out, nil
		}
		cursor = "&cursor=" + queryEscape(next)
	}
}

// one reads one definition; nil where there is nothing to carry.
func (c *Client) one(ctx context.Context, k *Kind, key string) (*Object, error) {
	view, err := c.get(ctx, k.address(key))
	if err != nil {
		return nil, err
	}
	o := &Object{Kind: k.Name, Key: key}
	version := view.get("version").text()
	if k.status {
		o.Status = view.get("status").text()
		if live := view.get("live_version").text(); live != "" && live != version && live != "0" {
			version, o.Status = live, "live"
			if view, err = c.get(ctx, k.address(key)+"?version="+live); err != nil {
				return nil, err
			}
		}
		if o.live = version; version == "0" || o.Status == "archived" {
			return nil, nil // nobody wrote it, or it is over
		}
	}
	if o.Document = k.document(view); k.raw {
		if o.Document, err = c.file(ctx, k, key, version, view.get("options")); err != nil {
			return nil, err
		}
	}
	if slices.Contains(k.ended, o.Document.get("state").text()) || k.under != "" && emptyOf(o.Document) {
		return nil, nil
	}
	return o, nil
}

// emptyOf tells a document that says nothing.
func emptyOf(v *value) bool {
	for _, f := range v.fields {
		if f.of.kind != '[' || len(f.of.items) > 0 {
			return false
		}
	}
	return true
}

func (c *Client) file(ctx context.Context, k *Kind, key, version string, options *value) (*value, error) {
	file, err := c.ask(ctx, http.MethodGet, k.address(key)+"/file?version="+version, "", nil)
	if err != nil {
		return nil, err
	}
	v := object()
	if options != nil {
		v.fields = append(v.fields, field{"options", options})
	}
	v.fields = append(v.fields, field{"file", scalar(string(file))})
	return v, nil
}

// Apply does what Compare said. What is refused because it needs something that
// comes later is tried again as long as anything succeeds; what is refused at the
// end is told, and the first of it is the error.
func (c *Client) Apply(ctx context.Context, changes []Change, note string, done func(Change)) error {
	var todo []Change
	for _, ch := range changes {
		if ch.Verb != Keep {
			todo = append(todo, ch)
		}
	}
	for len(todo) > 0 {
		var left []Change
		var refused []error
		for i := range todo {
			ch := todo[i]
			err := c.change(ctx, &ch, note)
			switch {
			case err == nil:
				done(ch)
			case fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Unauthenticated || ctx.Err() != nil:
				return err
			default:
				left, refused = append(left, ch), append(refused, fmt.Errorf("%s: %w", ch.Object.Name(), err))
			}
		}
		if len(left) == len(todo) {
			return refusal(refused)
		}
		todo = left
	}
	return nil
}

func refusal(all []error) error {
	lines := make([]string, len(all))
	for i, err := range all {
		lines[i] = err.Error()
	}
	return fault.Errorf(fault.Invalid, "refused", "%d refused:\n%s", len(all), strings.Join(lines, "\n"))
}

func (c *Client) change(ctx context.Context, ch *Change, note string) error {
	o, k := ch.Object, kindNamed(ch.Object.Kind)
	if ch.Verb == Delete {
		method, path, body := k.removal(o.Key, o.live)
		_, err := c.ask(ctx, method, path, "application/json", body)
		return err
	}
	document, err := filledIn(o.Document)
	if err != nil {
		return err
	}
	if ch.was != nil && ch.was.Status == "live" && o.Status != "live" && k.status {
		// A draft beside a live version would leave that live.
		method, path, body := k.removal(o.Key, ch.was.live)
		if _, err := c.ask(ctx, method, path, "application/json", body); err != nil {
			return err
		}
		ch.was = nil
	}
	kind, query, body := k.write(&Object{Kind: o.Kind, Key: o.Key, Document: document})
	parts := []string{"wait=applied"}
	if query != "" {
		parts = append(parts, query)
	}
	if k.status {
		parts = append(parts, "status="+o.Status)
	}
	if note != "" && (k.status || k.Name == "broadcasts" || k.Name == "experiments") {
		parts = append(parts, "note="+queryEscape(note))
	}
	_, err = c.ask(ctx, http.MethodPut, k.address(o.Key)+"?"+strings.Join(parts, "&"), kind, body)
	return err
}
