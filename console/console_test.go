package console_test

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rapport/console"
)

// Bytes of JavaScript and CSS over the wire: what the first screen loads, and
// what any further screen may add to it. And those of all files together, by which
// the binary grows: they are embedded as they are.
const (
	firstLoad = 230 << 10
	perRoute  = 150 << 10
	embedded  = 4 << 20
)

func get(t *testing.T, target string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	console.Handler(rand.Reader).ServeHTTP(w, r)
	return w
}

func TestHandler_EveryPageHasItsOwnNonceAndAStrictPolicy(t *testing.T) {
	t.Parallel()
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{24})'`)
	seen := map[string]bool{}
	for _, target := range []string{"/console/", "/console/people", "/console/people/email:a%2Fb", "/console/"} {
		w := get(t, target, nil)
		policy := w.Header().Get("Content-Security-Policy")
		found := nonce.FindStringSubmatch(policy)
		if w.Code != http.StatusOK || found == nil {
			t.Fatalf("%s: %d, policy %q", target, w.Code, policy)
		}
		if seen[found[1]] {
			t.Errorf("%s: the nonce %s came twice", target, found[1])
		}
		seen[found[1]] = true
		// Attributes of styles that stand in the policy word by word are no danger.
		if strings.Contains(strings.ReplaceAll(policy, "style-src-attr 'unsafe-hashes' 'sha256-", ""), "unsafe") {
			t.Errorf("the policy %q allows what is unsafe", policy)
		}
		body := w.Body.String()
		if !strings.Contains(body, found[1]) || strings.Contains(body, "{{nonce}}") {
			t.Errorf("%s: the page does not carry its nonce", target)
		}
		if regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(body) || strings.Contains(body, " onload=") {
			t.Errorf("%s: the page has an inline script", target)
		}
		if w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: Cache-Control %q", target, w.Header().Get("Cache-Control"))
		}
	}
}

func TestHandler_OnlyReads(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	console.Handler(rand.Reader).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST is answered %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestHandler_MissingFilesAreNotThePage(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/console/assets/none.js", "/console/assets/../console.go", "/console/assets/..%2f..%2fconsole.go"} {
		w := get(t, target, nil)
		if w.Code == http.StatusOK && !strings.Contains(w.Body.String(), "<!doctype html>") {
			t.Errorf("%s gives %q", target, w.Body.String())
		}
	}
	if w := get(t, "/console/assets/none.js", nil); w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a missing file is answered %d, Cache-Control %q", w.Code, w.Header().Get("Cache-Control"))
	}
}

// built skips where the console was not built: make test builds it first.
func built(t *testing.T) fs.FS {
	t.Helper()
	if !console.Built() {
		t.Skip("the console is not built: make console")
	}
	return os.DirFS("dist")
}

func TestHandler_FilesAreKeptForeverAndSentPacked(t *testing.T) {
	t.Parallel()
	dist := built(t)
	names, err := fs.Glob(dist, "assets/*.js.gz")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts in dist: %v", err)
	}
	target := "/console/" + strings.TrimSuffix(names[0], ".gz")
	packed := get(t, target, http.Header{"Accept-Encoding": {"gzip, br"}})
	plain := get(t, target, nil)
	if packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
		t.Fatalf("encodings %q and %q", packed.Header().Get("Content-Encoding"), plain.Header().Get("Content-Encoding"))
	}
	reader, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(reader)
	if err != nil || string(unpacked) != plain.Body.String() || len(unpacked) == 0 {
		t.Errorf("packed and plain differ: %d and %d bytes, %v", len(unpacked), plain.Body.Len(), err)
	}
	for _, w := range []*httptest.ResponseRecorder{packed, plain} {
		if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("headers %v", w.Header())
		}
	}
}

// chunk is what Vite's manifest says of one file.
type chunk struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"`
	IsEntry bool     `json:"isEntry"`
}

func TestDist_KeepsTheSizeBudget(t *testing.T) {
	t.Parallel()
	dist := built(t)
	text, err := fs.ReadFile(dist, "manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]chunk
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	first := map[string]int64{}
	screens := 0
	for _, name := range slices.Sorted(maps.Keys(manifest)) {
		if manifest[name].IsEntry || name == "src/app/Shell.tsx" || strings.HasSuffix(name, "/HomeScreen.tsx") {
			load(t, dist, manifest, name, first)
		}
	}
	if total := sum(first); total > firstLoad {
		t.Errorf("the first load is %d bytes, the limit is %d", total, firstLoad)
	} else {
		t.Logf("first load: %d bytes", total)
	}
	for _, name := range slices.Sorted(maps.Keys(manifest)) {
		if !strings.HasSuffix(name, "Screen.tsx") {
			continue
		}
		screens++
		more := map[string]int64{}
		load(t, dist, manifest, name, more)
		maps.DeleteFunc(more, func(file string, _ int64) bool { return first[file] > 0 })
		if total := sum(more); total > perRoute {
			t.Errorf("%s adds %d bytes, the limit is %d", name, total, perRoute)
		} else {
			t.Logf("%s adds %d bytes", path.Base(name), total)
		}
	}
	if screens < 3 {
		t.Errorf("found %d screens in the manifest: the test looks for the wrong names", screens)
	}
}

func TestDist_GrowsTheBinaryByLittle(t *testing.T) {
	t.Parallel()
	var total int64
	err := fs.WalkDir(built(t), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil || total == 0 || total > embedded {
		t.Errorf("the console adds %d bytes to the binary, the limit is %d: %v", total, embedded, err)
	}
	t.Logf("the console adds %d bytes to the binary", total)
}

// load adds the sizes of a chunk's files and of what it imports.
func load(t *testing.T, dist fs.FS, manifest map[string]chunk, name string, into map[string]int64) {
	t.Helper()
	c := manifest[name]
	if _, known := into[c.File]; known || c.File == "" {
		return
	}
	for _, file := range append([]string{c.File}, c.CSS...) {
		info, err := fs.Stat(dist, file+".gz")
		if err != nil {
			t.Fatal(err)
		}
		into[file] = info.Size()
	}
	for _, other := range c.Imports {
		load(t, dist, manifest, other, into)
	}
}

func sum(sizes map[string]int64) int64 {
	var total int64
	for _, n := range sizes {
		total += n
	}
	return total
}

func TestFrame_ShowsMessagesUnderAPolicyOfItsOwn(t *testing.T) {
	t.Parallel()
	message := `<p style="color:red">Hello</p><script>alert(1)</script>`
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"the console's page":             {http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"https://example.com"}}, http.StatusOK},
		"over a connection in clear":     {http.Header{"Origin": {"http://example.com"}}, http.StatusOK},
		"another site":                   {http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, http.StatusForbidden},
		"another site, in clear":         {http.Header{"Origin": {"http://evil.example"}}, http.StatusForbidden},
		"a neighbour":                    {http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://example.com"}}, http.StatusForbidden},
		"a page that hides where it is":  {http.Header{"Origin": {"null"}}, http.StatusForbidden},
		"somebody who says nothing more": {http.Header{}, http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/frame", strings.NewReader(url.Values{"html": {message}}.Encode()))
		maps.Copy(r.Header, c.header)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		console.Handler(rand.Reader).ServeHTTP(w, r)
		if w.Code != c.status || (w.Body.String() == message) != (c.status == http.StatusOK) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"sandbox;", "default-src 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, part) || strings.Contains(policy, "script") {
				t.Errorf("%s: policy %q", name, policy)
			}
		}
	}
	if w := get(t, "/console/frame?html=x", nil); strings.Contains(w.Body.String(), ">x<") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Error("a link shows a message")
	}
}

// heldBody is a body that comes when it is let.
type heldBody struct {
	begun chan<- struct{}
	let   <-chan struct{}
}

func (b heldBody) Read([]byte) (int, error) {
	b.begun <- struct{}{}
	<-b.let
	return 0, io.EOF
}

func TestFrame_HoldsFewMessagesAtOnce(t *testing.T) {
	t.Parallel()
	h := console.Handler(rand.Reader)
	post := func(body io.Reader) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/frame", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	const most = 4
	begun, let, answers := make(chan struct{}), make(chan struct{}), make(chan int)
	for range most {
		go func() { answers <- post(heldBody{begun, let}) }()
		<-begun
	}
	if code := post(strings.NewReader("html=x")); code != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", code)
	}
	close(let)
	for range most {
		if code := <-answers; code != http.StatusOK {
			t.Errorf("one of them: %d", code)
		}
	}
	if code := post(strings.NewReader("html=x")); code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
}
