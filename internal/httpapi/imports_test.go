package httpapi

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/feed"
)

// fakeImports takes every table and remembers the last one.
type fakeImports struct {
	dir    string
	upload feed.Upload
	body   string
}

func (f *fakeImports) Import(_ context.Context, u feed.Upload, body io.Reader) (feed.Import, error) {
	b, err := io.ReadAll(body)
	f.upload, f.body = u, string(b)
	return feed.Import{ID: "i1", State: "queued", Mapping: []byte(`{}`)}, err
}

func (f *fakeImports) Suggest(_ context.Context, u feed.Upload, body io.Reader) (*feed.Looked, error) {
	_, err := f.Import(context.Background(), u, body)
	return &feed.Looked{Mapping: &feed.Mapping{Kind: feed.User}}, err
}

func (f *fakeImports) Find(_ context.Context, id string) (feed.Import, error) {
	if id == "none" {
		return feed.Import{}, fault.Errorf(fault.NotFound, "import_not_found", "there is no import")
	}
	return feed.Import{ID: id, Mapping: []byte(`{}`)}, nil
}

func (f *fakeImports) List(_ context.Context, after string, limit int) (items []feed.Import, more bool, err error) {
	if after != "" {
		return nil, false, nil
	}
	return []feed.Import{{ID: "i1", Mapping: []byte(`{}`)}}, limit == 1, nil
}

func (f *fakeImports) Report(string) (io.ReadCloser, error) {
	name := filepath.Join(f.dir, "report.csv")
	if err := os.WriteFile(name, []byte("line,column\n2,Mail\n"), 0o600); err != nil {
		return nil, err
	}
	return os.Open(name)
}

func (f *fakeImports) RunPull(context.Context, string) error { return nil }

func (f *fakeImports) PullStatus(context.Context, string) (feed.PullStatus, error) {
	return feed.PullStatus{Imports: []string{}}, nil
}

func TestImports_ATableIsTakenAsAStreamOfWhateverType(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	table := "userId\n" + strings.Repeat("x", 200<<10) + "\n" // larger than other bodies may be
	for _, kind := range []string{"application/octet-stream", "text/csv", "application/x-www-form-urlencoded", "application/json"} {
		res, text := d.ask(t, "POST", "/api/v1/imports?name=user-1.csv&kind=user&source=web&mapping=crm&historical=true", table, "Content-Type", kind)
		if res.StatusCode != 202 || res.Header.Get("Location") != "/api/v1/imports/i1" || d.imports.body != table {
			t.Errorf("%s: %d %s", kind, res.StatusCode, text)
		}
		want := feed.Upload{Name: "user-1.csv", Kind: feed.User, Source: "web", Mapping: "crm", Historical: true, Author: d.imports.upload.Author}
		if d.imports.upload != want || want.Author == "" || want.Author == "unknown" {
			t.Errorf("%s: %+v", kind, d.imports.upload)
		}
	}
	for path, status := range map[string]int{
		"/api/v1/imports?kind=none":        400,
		"/api/v1/imports?historical=maybe": 400,
		"/api/v1/imports?mane=x":           400,
	} {
		if res, text := d.ask(t, "POST", path, table); res.StatusCode != status {
			t.Errorf("%s: %d %s", path, res.StatusCode, text)
		}
	}
}

func TestImports_AreListedInPages(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if _, text := d.ask(t, "GET", "/api/v1/imports?limit=1", ""); !strings.Contains(text, `"next":"i1"`) {
		t.Error(text)
	}
	if _, text := d.ask(t, "GET", "/api/v1/imports?cursor=i1", ""); !strings.Contains(text, `"items":[],"next":null`) {
		t.Error(text)
	}
	if res, text := d.ask(t, "GET", "/api/v1/imports/none", ""); res.StatusCode != 404 || !strings.Contains(text, "import_not_found") {
		t.Error(text)
	}
	res, text := d.ask(t, "GET", "/api/v1/imports/i1/report", "")
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") || text != "line,column\n2,Mail\n" {
		t.Errorf("%s %q", res.Header, text)
	}
}

func TestImportMappings_HaveVersions(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	const document = `{"kind":"user","columns":[{"column":"Nr","to":"user_id"}]}`
	res, text := d.ask(t, "PUT", "/api/v1/import-mappings/crm", document, "If-None-Match", "*")
	if res.StatusCode != 201 || !strings.Contains(text, `"version":1`) || !strings.Contains(text, `"to":"user_id"`) {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "PUT", "/api/v1/import-mappings/crm?status=draft", strings.Replace(document, "Nr", "No", 1), "If-Match", res.Header.Get("ETag")); res.StatusCode != 200 || !strings.Contains(text, `"live_version":1`) {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if _, text := d.ask(t, "GET", "/api/v1/import-mappings/crm?version=1", ""); !strings.Contains(text, `"column":"Nr"`) {
		t.Error(text)
	}
	if res, text := d.ask(t, "POST", "/api/v1/import-mappings/crm/status", `{"status":"live","version":2}`); res.StatusCode != 200 || !strings.Contains(text, `"live_version":2`) {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	for body, code := range map[string]string{
		`{"kind":"user","columns":[{"column":"a","to":"trait:x"}]}`: "needs a column for user_id",
		`{"kind":"user","colums":[]}`:                               "colums",
	} {
		if res, text := d.ask(t, "PUT", "/api/v1/import-mappings/x", body); res.StatusCode != 400 || !strings.Contains(text, "invalid_mapping") || !strings.Contains(text, code) {
			t.Errorf("%s: %d %s", body, res.StatusCode, text)
		}
	}
}

func TestImportPulls_SecretsAreSealedAndMasked(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	const document = `{"every":"15m","sftp":{"address":"files.example.org","user":"u","path":"/out","host_key":"SHA256:` +
		`AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"secret":"SECRET"}`
	put := func(body, want string, status int) {
		t.Helper()
		res, text := d.ask(t, "PUT", "/api/v1/import-pulls/crm", body)
		if res.StatusCode != status || !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d %s", body, res.StatusCode, text)
		}
	}
	put(strings.Replace(document, "SECRET", feed.Mask, 1), "there is none to leave as it was", 400)
	put(strings.Replace(document, "SECRET", "hunter2", 1), `"secret":"********"`, 201)
	kept := string(d.defined["import_pullcrm1"])
	if strings.Contains(kept, `"secret":`) || !strings.Contains(kept, `"secret_sealed":"`) {
		t.Error(kept)
	}
	put(strings.Replace(document, "SECRET", feed.Mask, 1), `"secret":"********"`, 200)
	if string(d.defined["import_pullcrm2"]) != kept {
		t.Error(string(d.defined["import_pullcrm2"]))
	}
	put(strings.NewReplacer("SECRET", feed.Mask, "files.", "evil.").Replace(document), "the address changed", 400)
	put(strings.Replace(document, `"secret":"SECRET"`, `"secret_sealed":"aGVsbG8="`, 1), "it cannot be given", 400)
	for _, path := range []string{"/crm", "/crm?version=1", ""} {
		if res, text := d.ask(t, "GET", "/api/v1/import-pulls"+path, ""); res.StatusCode != 200 || strings.Contains(text, "sealed") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d %s", path, res.StatusCode, text)
		}
	}
	if res, text := d.ask(t, "POST", "/api/v1/import-pulls/crm/run", ""); res.StatusCode != 202 {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "POST", "/api/v1/import-pulls/crm/status", `{"status":"archived"}`); res.StatusCode != 200 || !strings.Contains(text, `"live_version":null`) {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}
