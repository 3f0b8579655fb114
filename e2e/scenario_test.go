package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"rapport/examples"
	"rapport/internal/app"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/httpapi/contract"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/memory"
)

const (
	sceneWriteKey  = "wk_scenario"
	sceneSecretKey = "sk_scenario_of_no_worth_at_all"
)

// sceneTime is where the clock of every scenario stands still.
var sceneTime = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// TestScenarios plays every file of spec/scenarios through the HTTP door. The
// format is described there.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../spec/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			onGrounds(t, func(t *testing.T, on ground) { playScene(t, file, on, nil) })
		})
	}
}

// TestExamples applies each example as its command does, then plays its story.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range examples.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup, err := examples.Setup(name)
			if err != nil {
				t.Fatal(err)
			}
			onGrounds(t, func(t *testing.T, on ground) {
				playScene(t, filepath.Join("..", "examples", name, "story.txtar"), on, func(url string) {
					for range 2 { // applying it again goes over it
						if err := setup.Apply(t.Context(), examples.Server{URL: url, Key: sceneSecretKey}); err != nil {
							t.Fatal(err)
						}
					}
				})
			})
		})
	}
}

// ground is what a scenario is played on: the setting store, or a store that
// takes its place.
type ground struct {
	address string
	store   store.Store
}

// engines gives the value of the setting store for a test on each engine.
var engines = map[string]func(t *testing.T) string{
	"embedded": func(*testing.T) string { return config.Embedded },
	"postgres": database,
}

// grounds are the engines that scenarios are played on.
var grounds = []struct {
	name string
	open func(t *testing.T) ground
}{
	{"embedded", func(t *testing.T) ground { return ground{address: engines["embedded"](t)} }},
	{"postgres", func(t *testing.T) ground { return ground{address: engines["postgres"](t)} }},
	{"memory", func(*testing.T) ground { return ground{address: config.Embedded, store: memory.New()} }},
}

// onGrounds plays on every engine; under the race detector a part of what there is
// to play, on one of those with files and connections: it sees the same code again
// and again.
func onGrounds(t *testing.T, play func(t *testing.T, on ground)) {
	t.Helper()
	on := grounds
	if soak.Raced && !soak.Long() {
		i := int(crc32.ChecksumIEEE([]byte(t.Name())) % 8)
		if i > 1 {
			soak.Unraced(t)
		}
		on = grounds[i : i+1]
	}
	for _, g := range on {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			play(t, g.open(t))
		})
	}
}

// playScene plays a file on one engine, once what comes before is done.
func playScene(t *testing.T, file string, on ground, before func(url string)) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	exchanges, err := readScene(archive)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{known: map[string]any{}}
	s.now = func() time.Time { return sceneTime.Add(time.Duration(s.passed.Load())) }
	if slices.ContainsFunc(exchanges, func(x exchange) bool { return x.method == others || bytes.Contains(x.body, []byte(farMark)) }) {
		s.outside(t)
	}
	s.url = openScene(t, on, s)
	if before != nil {
		before(s.url)
	}
	for _, x := range exchanges {
		if err := s.act(t.Context(), x); err != nil {
			t.Fatalf("%s: %v", x.request, err)
		}
	}
}

// openScene starts an empty instance on an engine and gives its address.
func openScene(t *testing.T, on ground, s *scene) string {
	t.Helper()
	c, err := config.Load(config.Input{Flags: map[string]string{
		"data": t.TempDir(), "listen": "127.0.0.1:0", "memory": "256MiB", "wait.timeout": "60s", "wait.max_timeout": "60s", "store": on.address,
		"write_key": sceneWriteKey, "secret_key": sceneSecretKey,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s.far != nil {
		c.Egress.Allow = "127.0.0.1"
	}
	return openApp(t, c, app.Parts{Clock: s.now, Store: on.store})
}

// openApp opens an instance in this process until the test ends, and gives its
// address.
func openApp(t *testing.T, c config.Config, parts app.Parts) string {
	t.Helper()
	a, err := app.Open(t.Context(), c, parts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return a.URL()
}

// openAPI is what every answer of a scenario has to be like.
var openAPI = sync.OnceValues(func() (*contract.Contract, error) { return contract.Read("../api/openapi.yaml") })

// exchange is a request with the answer that is expected.
type exchange struct {
	request, path, method string
	again                 bool // until the answer is the one that is expected
	header                [][2]string
	body                  []byte
	status                int           // zero: any success
	passes                time.Duration // of time; then there is no request
	answerHeader          [][2]string
	answer                []byte
}

var (
	requestName = regexp.MustCompile(`^(UNTIL )?(GET|POST|PUT|PATCH|DELETE) (/\S*)(?: \((.*)\))?$`)
	otherName   = regexp.MustCompile(`^(` + others + `|` + heard + `) ([a-z]+)$`)
	answerName  = regexp.MustCompile(`^(\d{3})(?: \((.*)\))?$`)
)

// readScene makes the exchanges of an archive.
func readScene(archive *txtar.Archive) ([]exchange, error) {
	var out []exchange
	for _, f := range archive.Files {
		data := bytes.TrimSpace(f.Data)
		if m := requestName.FindStringSubmatch(f.Name); m != nil {
			out = append(out, exchange{request: f.Name, again: m[1] != "", method: m[2], path: m[3], header: headersOf(m[4]), body: data})
			continue
		}
		if text, ok := strings.CutPrefix(f.Name, "WAIT "); ok {
			d, err := time.ParseDuration(text)
			if err != nil || d <= 0 {
				return nil, fmt.Errorf("%q: give a span, such as WAIT 40m", f.Name)
			}
			out = append(out, exchange{request: f.Name, passes: d})
			continue
		}
		if m := otherName.FindStringSubmatch(f.Name); m != nil {
			out = append(out, exchange{request: f.Name, method: m[1], path: m[2], body: data})
			continue
		}
		m := answerName.FindStringSubmatch(f.Name)
		if m == nil || len(out) == 0 || out[len(out)-1].status != 0 {
			return nil, fmt.Errorf("file %q is neither METHOD /path nor the status of the request before it", f.Name)
		}
		x := &out[len(out)-1]
		x.status, _ = strconv.Atoi(m[1])
		x.answerHeader, x.answer = headersOf(m[2]), data
	}
	if len(out) == 0 {
		return nil, errors.New("a scenario without requests shows nothing")
	}
	return out, nil
}

func headersOf(text string) [][2]string {
	var out [][2]string
	for part := range strings.SplitSeq(text, ";") {
		if name, value, ok := strings.Cut(part, ":"); ok {
			out = append(out, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	return out
}

// waits tells requests that can wait until they are applied: of the own API those
// of which its document says so, and all that the doors for foreign clients take.
func (x *exchange) waits(path string, c *contract.Contract) bool {
	path, _, _ = strings.Cut(path, "?")
	if strings.HasPrefix(path, "/api/v1/") && !strings.HasPrefix(path, "/api/v1/ingest/") {
		return c.Takes(x.method, path, "wait", "applied")
	}
	return path != "/oauth/token"
}

// scene is a running scenario: where, and what its names stand for.
type scene struct {
	url   string
	known map[string]any
	now   clock.Clock
	far   *far // those whom the instance calls; nil: nobody
	// contract is what answers are held against; nil: the one that all scenes share.
	contract *contract.Contract
	// passed is how much time scenes let pass.
	passed atomic.Int64
}

// play sends a request and compares the answer.
func (s *scene) play(ctx context.Context, x exchange) error {
	c, err := s.held()
	if err != nil {
		return err
	}
	path := s.named(x.path)
	if x.method != http.MethodGet && x.waits(path, c) {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		path += mark + "wait=applied&timeout=30s"
	}
	body, err := expanded(x.body)
	if err != nil {
		return err
	}
	if s.far != nil {
		body = bytes.ReplaceAll(body, []byte(farMark), []byte(s.far.URL))
	}
	body = []byte(s.named(string(body)))
	req, err := http.NewRequestWithContext(ctx, x.method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if strings.HasPrefix(path, "/api/") {
		req.Header.Set("Authorization", "Bearer "+sceneSecretKey)
	} else {
		req.SetBasicAuth(sceneWriteKey, "")
	}
	if len(x.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range x.header {
		req.Header.Set(h[0], s.named(h[1]))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if why := c.Breaks(contract.Answer{Method: x.method, Path: req.URL.EscapedPath(), Status: res.StatusCode, Header: res.Header, Body: got}); why != "" {
		return fmt.Errorf("status %d: %s\nthe answer is %s", res.StatusCode, why, got)
	}
	if err := s.compare(x, res, got); err != nil {
		return fmt.Errorf("%w\nthe answer is %s %s", err, res.Status, got)
	}
	return nil
}

// held is what answers are held against.
func (s *scene) held() (*contract.Contract, error) {
	if s.contract != nil {
		return s.contract, nil
	}
	return openAPI()
}

func (s *scene) compare(x exchange, res *http.Response, got []byte) error {
	switch {
	case x.status != 0 && x.status != res.StatusCode:
		return fmt.Errorf("status %d, want %d", res.StatusCode, x.status)
	case x.status == 0 && res.StatusCode > 299:
		return fmt.Errorf("status %d, want a success", res.StatusCode)
	case res.Header.Get("Rapport-Applied") == "no":
		return errors.New("the write was not applied in time")
	}
	for _, h := range x.answerHeader {
		if err := s.match(h[1], res.Header.Get(h[0]), "header "+h[0]); err != nil {
			return err
		}
	}
	if len(x.answer) == 0 {
		return nil
	}
	want, err := parse(x.answer)
	if err != nil {
		return fmt.Errorf("the expected body is no JSON: %w", err)
	}
	value, err := parse(got)
	if err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	return s.match(want, value, "")
}

func parse(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

var placeholder = regexp.MustCompile(`\$[a-z][a-z_]*`)

// named puts in what names stand for.
func (s *scene) named(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		switch v := s.known[name].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		return name
	})
}

// hasPrefix begins a text of which a part is expected.
const hasPrefix = "$has "

// expanded is a request's body with its repetitions written out.
func expanded(body []byte) ([]byte, error) {
	if !bytes.Contains(body, []byte(timesMark)) {
		return body, nil
	}
	v, err := parse(body)
	if err != nil {
		return nil, fmt.Errorf("a body with repetitions is no JSON: %w", err)
	}
	return json.Marshal(repeated(v))
}

const timesMark = `"$times"`

// repeated replaces ["$times", n, x] by an array of n times x.
func repeated(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = repeated(x[k])
		}
	case []any:
		for i := range x {
			x[i] = repeated(x[i])
		}
		if len(x) == 3 && x[0] == "$times" {
			n, _ := strconv.Atoi(fmt.Sprint(x[1]))
			return numbered(x[2], n)
		}
	}
	return v
}

// numbered is a value so many times, with its number in the place of $n.
func numbered(v any, times int) []any {
	text, _ := json.Marshal(v) //nolint:errcheck // it came of JSON
	out := make([]any, times)
	for i := range out {
		out[i] = json.RawMessage(bytes.ReplaceAll(text, []byte("$n"), strconv.AppendInt(nil, int64(i), 10)))
	}
	return out
}

// absent is the value of a member that is not there.
type absent struct{}

// match compares by the table in spec/scenarios/README.md.
func (s *scene) match(want, got any, at string) error {
	switch want := want.(type) {
	case string:
		return s.matchText(want, got, at)
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, want an object", at, got)
		}
		for key, w := range want {
			g, ok := object[key]
			if !ok {
				g = absent{}
			}
			if err := s.match(w, g, at+"/"+key); err != nil {
				return err
			}
		}
		return nil
	case []any:
		array, ok := got.([]any)
		if !ok {
			return fmt.Errorf("%s is %v, want an array", at, got)
		}
		return s.matchArray(want, array, at)
	case json.Number:
		g, ok := got.(json.Number)
		if ok && rational(want).Cmp(rational(g)) == 0 {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s is %v, want %v", at, got, want)
}

func (s *scene) matchText(want string, got any, at string) error {
	_, missing := got.(absent)
	switch {
	case want == "$absent":
		if !missing {
			return fmt.Errorf("%s is %v and should not be there", at, got)
		}
		return nil
	case strings.HasPrefix(want, hasPrefix):
		if text, ok := got.(string); !ok || !strings.Contains(text, want[len(hasPrefix):]) {
			return fmt.Errorf("%s is %v, which has no %q", at, got, want[len(hasPrefix):])
		}
		return nil
	case begins(want) != "":
		text, _ := got.(string)
		rest, ok := strings.CutPrefix(text, begins(want))
		if !ok {
			return fmt.Errorf("%s is %v, which does not begin with %q", at, got, begins(want))
		}
		return s.matchText(want[len(begins(want)):], rest, at)
	case missing, want == "$any" && got == nil:
		return fmt.Errorf("%s is not there, want %s", at, want)
	case want == "$any":
		return nil
	case placeholder.FindString(want) == want && want != "":
		if known, ok := s.known[want]; ok {
			return s.match(known, got, at)
		}
		s.known[want] = got
		return nil
	case got != want:
		return fmt.Errorf("%s is %v, want %q", at, got, want)
	}
	return nil
}

// begins is what stands before the name at the end of an expected text.
func begins(want string) string {
	if at := strings.LastIndexByte(want, '$'); at > 0 && placeholder.FindString(want[at:]) == want[at:] {
		return want[:at]
	}
	return ""
}

// matchArray compares one by one, or by $some and $all in any order.
func (s *scene) matchArray(want, got []any, at string) error {
	if len(want) == 0 || want[0] != "$some" && want[0] != "$all" {
		if len(want) != len(got) {
			return fmt.Errorf("%s has %d elements, want %d", at, len(got), len(want))
		}
		for i := range want {
			if err := s.match(want[i], got[i], fmt.Sprintf("%s/%d", at, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if want[0] == "$all" && len(got) != len(want)-1 {
		return fmt.Errorf("%s has %d elements, want %d", at, len(got), len(want)-1)
	}
	left := slices.Clone(got)
	for i, w := range want[1:] {
		found := slices.IndexFunc(left, func(g any) bool { return s.match(w, g, "") == nil })
		if found < 0 {
			return fmt.Errorf("%s has no element like the expected number %d", at, i+1)
		}
		left = slices.Delete(left, found, found+1)
	}
	return nil
}

func rational(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return new(big.Rat)
	}
	return r
}

// TestSceneMatch_TellsWhatDiffers: a runner that lets everything pass proves
// nothing, so its own comparison is tested.
func TestSceneMatch_TellsWhatDiffers(t *testing.T) {
	t.Parallel()
	f := func(want, got string, equal bool) {
		t.Helper()
		w, err1 := parse([]byte(want))
		g, err2 := parse([]byte(got))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		s := &scene{known: map[string]any{}}
		if err := s.match(w, g, ""); (err == nil) != equal {
			t.Errorf("%s against %s: %v, want equal %v", want, got, err, equal)
		}
	}
	f(`{"a": 1}`, `{"a": 1.0, "b": 2}`, true)
	f(`{"a": 1}`, `{"a": 2}`, false)
	f(`{"a": 1}`, `{"a": "1"}`, false)
	f(`{"a": 1}`, `{}`, false)
	f(`{"a": null}`, `{"a": null}`, true)
	f(`{"a": null}`, `{}`, false)
	f(`{"a": "$absent"}`, `{}`, true)
	f(`{"a": "$absent"}`, `{"a": 1}`, false)
	f(`{"a": "$any"}`, `{"a": false}`, true)
	f(`{"a": "$any"}`, `{}`, false)
	f(`{"a": "$x", "b": "c"}`, `{"b": "c"}`, false)
	f(`["$x", "$x"]`, `["p", "p"]`, true)
	f(`["$x", "$x"]`, `["p", "q"]`, false)
	f(`[1, 2]`, `[2, 1]`, false)
	f(`[1]`, `[1, 2]`, false)
	f(`["$all", 1, 2]`, `[2, 1]`, true)
	f(`["$all", 1, 2]`, `[2, 1, 3]`, false)
	f(`["$some", 1, 2]`, `[2, 1, 3]`, true)
	f(`["$some", 1, 1]`, `[1, 2]`, false)
	f(`{"a": {}}`, `{"a": {"b": 1}}`, true)
	f(`[]`, `[1]`, false)
	f(`"$has b c"`, `"a b c d"`, true)
	f(`"$has b c"`, `"abcd"`, false)
	f(`{"a": "$has b"}`, `{}`, false)
	f(`["a/$x", "$x"]`, `["a/b", "b"]`, true)
	f(`["a/$x", "$x"]`, `["a/b", "c"]`, false)
	f(`"a/$x"`, `"b/a"`, false)
	if got, err := expanded([]byte(`{"a": ["$times", 3, {"b": 1.50}]}`)); err != nil || string(got) != `{"a":[{"b":1.50},{"b":1.50},{"b":1.50}]}` {
		t.Errorf("repeated it is %s, %v", got, err)
	}
	if got, err := expanded([]byte(`["$times", 2, "u-$n"]`)); err != nil || string(got) != `["u-0","u-1"]` {
		t.Errorf("numbered it is %s, %v", got, err)
	}
}
