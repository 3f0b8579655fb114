package decider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"rapport/internal/decision/connection"
	"rapport/internal/decision/model"
	"rapport/internal/decision/settings"
	"rapport/internal/feel"
)

// Contact is what came of asking a connection for an input.
type Contact struct {
	Input      string  `json:"input"`
	Connection string  `json:"connection"`
	Took       float64 `json:"took_us" doc:"Microseconds until there was a value"`
	Fallback   bool    `json:"fallback,omitempty" doc:"There was no answer: the value is that of the fallback"`
	Error      string  `json:"error,omitempty" doc:"Why there was no answer"`
}

// contact asks the connections whose answers the question needs, all at once,
// and puts the values into the question. A connection without an answer gives
// its fallback.
func (d *Decider) contact(ctx context.Context, r *runnable, q *model.Question) ([]Contact, []model.Diagnostic) {
	given := make(map[string]feel.Value, len(r.inputs))
	maps.Copy(given, q.Given)
	var wanted []*answered
	for i := range r.inputs {
		if _, there := given[r.inputs[i].name]; !there && r.Wants(q, r.inputs[i].name) {
			wanted = append(wanted, &r.inputs[i])
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	slots, err := r.slots(q)
	contacts, values := make([]Contact, len(wanted)), make([]feel.Value, len(wanted))
	var all sync.WaitGroup
	for i, in := range wanted {
		all.Go(func() {
			start := time.Now()
			var failed error
			values[i], failed = d.ask(ctx, in, slots, err)
			contacts[i] = Contact{Input: in.name, Connection: in.source.Key, Took: micros(time.Since(start))}
			if failed != nil {
				contacts[i].Error, contacts[i].Fallback = failed.Error(), true
			}
		})
	}
	all.Wait()
	var why []model.Diagnostic
	for i, in := range wanted {
		given[in.name] = values[i]
		if contacts[i].Error != "" {
			why = append(why, model.Diagnostic{Node: in.name, Code: "connection_failed", Message: fmt.Sprintf("connection %q: %s; its fallback was taken", in.source.Key, contacts[i].Error)})
		}
	}
	q.Given = given
	return contacts, why
}

// slots are the values that the parameters of connections are made of.
func (r *runnable) slots(q *model.Question) ([]feel.Value, error) {
	out := make([]feel.Value, len(settings.Scope()))
	for i, name := range settings.Scope() {
		v, err := r.Part(q, name)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// ask gives the value of one input. With an error, it is the fallback.
func (d *Decider) ask(ctx context.Context, in *answered, slots []feel.Value, broken error) (feel.Value, error) {
	if err := errors.Join(in.broken, broken); err != nil {
		return feel.Null, err
	}
	params := make(map[string]feel.Value, len(in.params))
	for _, p := range in.params {
		params[p.Name], _ = p.Program.Eval(feel.Options{}, slots...)
	}
	v, err := d.fetch(ctx, in.source, params)
	if err != nil {
		return in.source.FallbackValue(), err
	}
	return v, nil
}

func (d *Decider) fetch(ctx context.Context, at Source, params map[string]feel.Value) (feel.Value, error) {
	if d.Fetcher == nil {
		return feel.Null, errNoFetcher
	}
	r, err := at.Request(params)
	if err != nil {
		return feel.Null, err
	}
	a, err := d.Fetcher.Fetch(ctx, at, r)
	if err != nil {
		return feel.Null, err
	}
	return at.Value(a)
}

var errNoFetcher = errors.New("this instance asks no connections")

// Tried is what came of a call of a connection for a trial.
type Tried struct {
	URL    string  `json:"url" doc:"Without the secret"`
	Status int     `json:"status,omitempty" doc:"Of the answer; left out where there was none"`
	Body   string  `json:"body,omitempty" doc:"The beginning of the answer"`
	Value  any     `json:"value" doc:"What a model would read"`
	Error  string  `json:"error,omitempty" doc:"Why there is no answer; value is the fallback then"`
	Took   float64 `json:"took_us"`
}

// TryConnection calls a connection once, past its cache, and tells what came
// of it.
func (d *Decider) TryConnection(ctx context.Context, at Source, given map[string]json.RawMessage) (*Tried, error) {
	params := make(map[string]feel.Value, len(given))
	for name, text := range given {
		v, err := plainValue(text)
		if err != nil {
			return nil, err
		}
		params[name] = v
	}
	r, err := at.Request(params)
	if err != nil {
		return nil, err
	}
	out := &Tried{URL: r.URL, Value: at.FallbackValue().Go()}
	start := time.Now()
	v, err := d.tried(ctx, at, r, out)
	out.Took = micros(time.Since(start))
	if err == nil {
		out.Value = v.Go()
		return out, nil
	}
	out.Error = err.Error()
	return out, nil // that there is no answer is what the trial is to tell
}

func (d *Decider) tried(ctx context.Context, at Source, r *connection.Request, out *Tried) (feel.Value, error) {
	if d.Fetcher == nil {
		return feel.Null, errNoFetcher
	}
	c := *at.Connection
	c.Cache, at.Connection = connection.Cache{}, &c
	a, err := d.Fetcher.Fetch(ctx, at, r)
	if err != nil {
		return feel.Null, err
	}
	out.Status, out.Body = a.Status, string(bytes.ToValidUTF8(a.Body[:min(len(a.Body), 4096)], []byte("�")))
	return at.Value(a)
}

func plainValue(text json.RawMessage) (feel.Value, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		return feel.Null, err
	}
	return feel.FromGo(x)
}
