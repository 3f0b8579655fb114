package responder

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/message"
)

// templates keeps templates compiled.
type templates struct {
	held    sync.Map // of templateKey to *message.Template
	holding atomic.Int64
}

type templateKey struct {
	source string
	format message.Format
}

const maxTemplates = 2_000

func (t *templates) get(source string, format message.Format) (*message.Template, error) {
	k := templateKey{source, format}
	if x, ok := t.held.Load(k); ok {
		return x.(*message.Template), nil
	}
	x, err := message.Compile(source, format)
	if err != nil {
		return nil, err
	}
	if t.holding.Add(1) > maxTemplates {
		t.held.Clear()
		t.holding.Store(0)
	}
	t.held.Store(k, x)
	return x, nil
}

func (t *templates) write(source string, format message.Format, in *message.Input) (string, error) {
	x, err := t.get(source, format)
	if err != nil {
		return "", err
	}
	return x.Render(*in)
}

// pen writes content for one visitor.
type pen struct {
	*templates
	html bool
	vars func() map[string]any
	now  time.Time
	in   *message.Input
}

func (p *pen) input() *message.Input {
	if p.in == nil {
		p.in = &message.Input{Now: p.now, Vars: p.vars(), Lenient: true}
	}
	return p.in
}

var errContent = errors.New("the response is no JSON")

// content fills the templates in the texts of content in; most has none.
func (p *pen) content(text json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(text, []byte("{{")) && !bytes.Contains(text, []byte("{%")) {
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil, err
	}
	x, err := p.fill(x)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err = enc.Encode(x)
	return bytes.TrimSpace(b.Bytes()), err
}

func (p *pen) fill(x any) (any, error) {
	switch x := x.(type) {
	case string:
		if !strings.Contains(x, "{{") && !strings.Contains(x, "{%") {
			return x, nil
		}
		format := message.Text
		if p.html {
			format = message.HTML
		}
		return p.write(x, format, p.input())
	case []any:
		for i := range x {
			var err error
			if x[i], err = p.fill(x[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range x {
			var err error
			if x[k], err = p.fill(x[k]); err != nil {
				return nil, err
			}
		}
	}
	return x, nil
}

// response writes a whole answer.
func (p *pen) response(source string) (json.RawMessage, error) {
	text, err := p.write(source, message.JSON, p.input())
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(text)) {
		return nil, errContent
	}
	return json.RawMessage(strings.TrimSpace(text)), nil
}
