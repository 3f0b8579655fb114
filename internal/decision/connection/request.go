package connection

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"rapport/internal/feel"
)

// Request is one question, made of the parameters, without who asks.
type Request struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    []byte
}

// Key tells requests apart: those with the same key get the same answer.
func (r *Request) Key() string {
	sum := sha256.New()
	text, err := json.Marshal(r) // members in their order, headers sorted
	if err != nil {
		return ""
	}
	sum.Write(text)
	return hex.EncodeToString(sum.Sum(nil))
}

// Answer is what came back.
type Answer struct {
	Status  int
	Headers map[string]string // by lower-case names
	Body    []byte
}

func limits() feel.Limits { return feel.Limits{Steps: 200_000, ListLen: 100_000, StringLen: 1 << 20} }

// Request makes the request for parameters. One that is not given is empty.
func (c *Connection) Request(params map[string]feel.Value) (*Request, error) {
	text := func(name string) string {
		v, ok := params[name]
		if !ok || v.IsNull() {
			return ""
		}
		return v.String()
	}
	path, query, _ := strings.Cut(c.URL, "?")
	address := expand(path, func(name string) string { return url.PathEscape(text(name)) })
	if query != "" {
		address += "?" + expand(query, func(name string) string { return url.QueryEscape(text(name)) })
	}
	r := &Request{Method: c.Method, URL: address, Headers: map[string]string{}}
	for name, v := range c.Headers {
		r.Headers[name] = expand(v, func(p string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(text(p)) })
	}
	if c.body == nil {
		return r, nil
	}
	slots := make([]feel.Value, len(c.Parameters))
	for i, name := range c.Parameters {
		slots[i] = params[name]
	}
	v, why := c.body.Eval(feel.Options{Limits: limits()}, slots...)
	if len(why) > 0 && v.IsNull() {
		return nil, fmt.Errorf("the body comes to null: %s", why[0])
	}
	var err error
	r.Body, err = json.Marshal(v.Go())
	return r, err
}

// Value makes the value of an answer: its status must be 2xx, its body JSON.
func (c *Connection) Value(a *Answer) (feel.Value, error) {
	if a.Status < 200 || a.Status > 299 {
		return feel.Null, fmt.Errorf("the answer has status %d", a.Status)
	}
	body := feel.Null
	if len(a.Body) > 0 {
		var err error
		if body, err = plainJSON(a.Body); err != nil {
			return feel.Null, errors.New("the answer is no JSON")
		}
	}
	if c.result != nil {
		headers := feel.NewContextBuilder(len(a.Headers))
		for _, name := range sortedKeys(a.Headers) {
			headers.Put(name, feel.String(a.Headers[name]))
		}
		v, why := c.result.Eval(feel.Options{Limits: limits()}, feel.Int(int64(a.Status)), headers.Value(), body)
		if v.IsNull() && len(why) > 0 {
			return feel.Null, fmt.Errorf("result comes to null: %s", why[0])
		}
		body = v
	}
	if c.typ == nil {
		return body, nil
	}
	v, ok := feel.Coerce(body, c.typ)
	if !ok && !body.IsNull() {
		return feel.Null, fmt.Errorf("the value is not of type %s", c.Type)
	}
	return v, nil
}

// plainJSON reads JSON as a value; numbers keep their digits.
func plainJSON(text []byte) (feel.Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return feel.Null, err
	}
	if d.More() {
		return feel.Null, errors.New("something follows the value")
	}
	return feel.FromGo(x)
}

// placeholders gives the names in braces.
func placeholders(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			_, rest, ok := strings.Cut(text, "{")
			if !ok {
				return
			}
			name, after, ok := strings.Cut(rest, "}")
			if !ok || !yield(name) {
				return
			}
			text = after
		}
	}
}

// expand puts values in place of names in braces.
func expand(text string, value func(string) string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			b.WriteString("{" + rest)
			return b.String()
		}
		b.WriteString(value(name))
		text = after
	}
}
