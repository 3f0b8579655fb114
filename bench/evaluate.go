package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/bench/load"
)

// The rate at which decisions are asked for, over so many connections; each
// person asked about has a stored profile.
const (
	evaluateRate   = 2000
	evaluateConns  = 32
	evaluatePeople = 2000
)

// offer decides with a table over traits and counters of a stored profile.
const offer = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Offer" namespace="urn:offer">
<inputData id="p" name="plan"><variable name="plan" typeRef="string"/></inputData>
<inputData id="a" name="age"><variable name="age" typeRef="number"/></inputData>
<inputData id="c" name="event_count"><variable name="event_count" typeRef="number"/></inputData>
<decision id="d" name="Offer"><variable name="Offer" typeRef="string"/>
<informationRequirement><requiredInput href="#p"/></informationRequirement>
<informationRequirement><requiredInput href="#a"/></informationRequirement>
<informationRequirement><requiredInput href="#c"/></informationRequirement>
<decisionTable hitPolicy="FIRST">
<input><inputExpression><text>plan</text></inputExpression></input><input><inputExpression><text>age</text></inputExpression></input>
<input><inputExpression><text>event_count</text></inputExpression></input><output/>
<rule><inputEntry><text>"gold"</text></inputEntry><inputEntry><text>-</text></inputEntry><inputEntry><text>&gt;= 3</text></inputEntry><outputEntry><text>"lounge"</text></outputEntry></rule>
<rule><inputEntry><text>"gold"</text></inputEntry><inputEntry><text>&lt; 30</text></inputEntry><inputEntry><text>-</text></inputEntry><outputEntry><text>"young gold"</text></outputEntry></rule>
<rule><inputEntry><text>"basic"</text></inputEntry><inputEntry><text>[30..60]</text></inputEntry><inputEntry><text>-</text></inputEntry><outputEntry><text>"upgrade"</text></outputEntry></rule>
<rule><inputEntry><text>-</text></inputEntry><inputEntry><text>-</text></inputEntry><inputEntry><text>-</text></inputEntry><outputEntry><text>"none"</text></outputEntry></rule>
</decisionTable></decision></definitions>`

// evaluate asks for decisions about stored profiles at a steady rate, beside a
// server that does nothing, in turns.
func (b *bench) evaluate(ctx context.Context) error {
	if err := command(ctx, "go", "build", "-o", filepath.Join(b.dir, "empty"), "./bench/empty"); err != nil {
		return err
	}
	product, err := b.product(ctx, "evaluate", "")
	if err != nil {
		return err
	}
	if err := product.prepare(ctx); err != nil {
		return errors.Join(err, product.stop())
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return errors.Join(err, product.stop())
	}
	empty, err := b.start(ctx, exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(b.dir, "empty"), "-listen", address), address, false)
	if err != nil {
		return errors.Join(err, product.stop())
	}
	ratio, err := b.turns(ctx, product, empty, (*server).decide)
	if err == nil {
		err = b.sayKept(ctx, product)
	}
	if err = errors.Join(err, product.stop(), empty.stop()); err != nil {
		return err
	}
	b.atMost("p99 against the empty server", ratio, 3, "×")
	return nil
}

// asking asks a server once; the number tells questions apart.
type asking func(s *server, ctx context.Context, client *http.Client, i int64) error

// turns measures both servers again and again; the median ratio counts.
func (b *bench) turns(ctx context.Context, product, empty *server, ask asking) (float64, error) {
	var ratios []float64
	rounds := max(b.rounds, 3)
	for round := range rounds + 1 {
		least, err := empty.ask(ctx, b.evaluateSecs, ask)
		if err != nil {
			return 0, err
		}
		ours, err := product.ask(ctx, b.evaluateSecs, ask)
		if err != nil {
			return 0, err
		}
		if round == 0 {
			continue // warms both
		}
		ratios = append(ratios, float64(ours.latency.Quantile(0.99))/float64(least.latency.Quantile(0.99)))
		b.say("empty    %v", least)
		b.say("rapport  %v", ours)
	}
	b.say("p99 against the empty server by round: %.1f", ratios)
	return quantile(ratios, 0.5), nil
}

func (b *bench) sayKept(ctx context.Context, product *server) error {
	counts := struct {
		Kept    uint64            `json:"kept"`
		NotKept map[string]uint64 `json:"not_kept"`
	}{}
	if err := product.get(ctx, "/api/v1/decisions/summary", &counts); err != nil {
		return err
	}
	b.say("kept %d decisions, not kept %v", counts.Kept, counts.NotKept)
	return nil
}

// asked is what came of one round.
type asked struct {
	latency load.Histogram
	cpu     time.Duration
	late    int64 // requests that began more than a millisecond after their time
	n       int64
	gone    time.Duration
}

func (a *asked) String() string {
	return fmt.Sprintf("%6.0f/s  p50 %7v  p99 %7v  CPU per request %6.1f µs  begun late %d",
		float64(a.n)/a.gone.Seconds(), short(a.latency.Quantile(0.5)), short(a.latency.Quantile(0.99)),
		float64(a.cpu.Nanoseconds())/float64(a.n)/1e3, a.late)
}

// ask sends requests at their times: a slow answer does not put off the next
// question, and the wait counts from when it should have begun.
func (s *server) ask(ctx context.Context, seconds int, put asking) (*asked, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: evaluateConns, MaxConnsPerHost: evaluateConns}}
	defer client.CloseIdleConnections()
	out, n := &asked{}, int64(seconds*evaluateRate)
	runtime.GC()
	var next, late atomic.Int64
	var mu sync.Mutex
	var failed error
	// A server that does not keep up is not waited for without end.
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(seconds)*4*time.Second, errSlow)
	defer cancel()
	before, start := s.cpu(), time.Now()
	var all sync.WaitGroup
	for range evaluateConns {
		all.Go(func() {
			var own load.Histogram
			var err error
			for i := next.Add(1) - 1; err == nil && i < n && ctx.Err() == nil; i = next.Add(1) - 1 {
				due := start.Add(time.Duration(i) * time.Second / evaluateRate)
				if s.pause(ctx, time.Until(due)) != nil {
					break
				}
				if time.Since(due) > time.Millisecond {
					late.Add(1)
				}
				if err = put(s, ctx, client, i); err == nil {
					own.Add(time.Since(due))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			out.latency.Merge(&own)
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	out.gone, out.cpu, out.n, out.late = time.Since(start), s.cpu()-before, int64(out.latency.Count()), late.Load()
	if ctx.Err() != nil {
		return out, fmt.Errorf("%w: %d of %d answered in %v", context.Cause(ctx), out.n, n, out.gone.Round(time.Millisecond))
	}
	return out, failed
}

var errSlow = fmt.Errorf("the server does not keep up with %d requests a second", evaluateRate)

func (s *server) decide(ctx context.Context, client *http.Client, i int64) error {
	body := fmt.Appendf(nil, `{"profile":"user_id:u%d"}`, i%evaluatePeople)
	return s.post(ctx, client, "/api/v1/decision-models/offer/evaluate", body)
}

// post sends JSON, or puts a model where the body is XML.
func (s *server) post(ctx context.Context, client *http.Client, path string, body []byte) error {
	method, kind := http.MethodPost, "application/json"
	if bytes.HasPrefix(body, []byte("<")) {
		method, kind = http.MethodPut, "application/xml"
	}
	_, err := s.trade(ctx, client, request{method, path, kind, body})
	return err
}

// request is a request of some type of content.
type request struct {
	method, path, kind string
	body               []byte
}

// trade sends a request and gives the answer. Whatever asks more than to
// write events is sent with the secret key.
func (s *server) trade(ctx context.Context, client *http.Client, x request) ([]byte, error) {
	method, path, kind, body := x.method, x.path, x.kind, x.body
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/v1/decide") || strings.HasPrefix(path, "/ofrep/") {
		req.Header.Set("Authorization", "Bearer "+secretKey)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s answered %s: %s", path, res.Status, text)
	}
	return text, err
}

// prepare stores the model and the people.
func (s *server) prepare(ctx context.Context) error {
	if err := s.post(ctx, http.DefaultClient, "/api/v1/decision-models/offer", []byte(offer)); err != nil {
		return err
	}
	for i := 0; i < evaluatePeople; i += 100 {
		b := bytes.NewBufferString(`{"writeKey":"` + writeKey + `","batch":[`)
		for j := i; j < i+100; j++ {
			fmt.Fprintf(b, `{"type":"identify","userId":"u%d","anonymousId":"d%d","messageId":"i%d","traits":{"plan":%q,"age":%d,"city":"Köln"}},`, j, j, j, []string{"gold", "basic"}[j%2], 18+j%60)
			for k := range 5 {
				fmt.Fprintf(b, `{"type":"track","event":"Product Viewed","userId":"u%d","messageId":"t%d-%d","properties":{"product_id":"p%d","price":%d}},`, j, j, k, k, k)
			}
		}
		b.Truncate(b.Len() - 1)
		b.WriteString(`]}`)
		if err := s.post(ctx, http.DefaultClient, "/v1/batch?wait=applied", b.Bytes()); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, out)
	}
	return nil
}
