package app_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/app"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/soak"
	"rapport/internal/store/postgres/pgtest"
)

// Every release keeps a small data folder that it wrote, with what it answered of
// it: releases/<version>.tar.gz, and the same on PostgreSQL with a dump of the tables,
// <version>-postgres.tar.gz. Both are made with make data VERSION=….
const (
	releasesFolder = "testdata/releases"
	onPostgres     = "-postgres"
	answersFile    = "answers.json"
	dumpFile       = "dump.sql"
	keepVariable   = "RAPPORT_KEEP"
	keptSchema     = "kept_by_a_release" // of the tables in a dump
)

// remembered is an answer.
type remembered struct {
	Status int `json:"status"`
	Body   any `json:"body"`
}

// asked is what is asked of an instance with the data of a release.
func asked() []string {
	return []string{
		"/accounting", "/profiles/user_id:ada", "/profiles/email:ada%40example.com", "/profiles/user_id:ada/timeline?limit=50", "/profiles/user_id:bob",
		"/profiles/user_id:gone", "/orders/o1", "/orders/o2", "/segments/gold", "/segments/gold/members", "/dead-letters", "/sources", "/members",
	}
}

func answers(t *testing.T, a *app.App) map[string]remembered {
	t.Helper()
	out := map[string]remembered{}
	for _, path := range asked() {
		status, _, text := call(t, "GET", a.URL()+"/api/v1"+path, "", bearer()...)
		got := remembered{Status: status}
		if err := json.Unmarshal([]byte(text), &got.Body); err != nil {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		if problem, ok := got.Body.(map[string]any); ok && status != 200 {
			got.Body = map[string]any{"code": problem["code"]} // the words may change
		}
		out[path] = got
	}
	return out
}

// TestUpgrade_Keep writes the data of a release, when make data asks for it.
func TestUpgrade_Keep(t *testing.T) {
	version := os.Getenv(keepVariable)
	if version == "" {
		t.Skip("make data VERSION=… keeps what a release writes")
	}
	dir := t.TempDir()
	keep(t, version, dir, map[string][]byte{answersFile: lived(t, settings(t, dir))})
	dir, server := t.TempDir(), pgtest.For(t)
	server.Exec(t, "CREATE SCHEMA "+keptSchema)
	c := settings(t, dir)
	c.Store = server.In(t, keptSchema)
	said := lived(t, c)
	keep(t, version+onPostgres, dir, map[string][]byte{answersFile: said, dumpFile: server.Dump(t, keptSchema)})
}

// lived lets an instance take and do a little of everything, and gives what it
// answers of it.
func lived(t *testing.T, c config.Config) []byte {
	t.Helper()
	a := open(t, c)
	ask := asker{t, a}
	ask.api("PUT", "/segments/gold?wait=applied", `{"name":"Gold","condition":{"trait":"plan","op":"=","value":"gold"}}`, 201)
	ask.api("PUT", "/sources/shop", `{"name":"Shop","kind":"other"}`, 201)
	ask.api("POST", "/members", `{"email":"eve@example.com","name":"Eve","roles":["admin"]}`, 201)
	batch(t, a,
		`{"type":"track","anonymousId":"browser","event":"Looked","messageId":"m1","properties":{"n":1.5,"text":"Grüße"}}`,
		`{"type":"identify","userId":"ada","anonymousId":"browser","messageId":"m2","traits":{"email":"ada@example.com","plan":"gold","since":"2020-02-29"}}`,
		`{"type":"identify","userId":"bob","messageId":"m3","traits":{"plan":"tin"}}`,
		`{"type":"identify","userId":"gone","messageId":"m4","traits":{"plan":"gold"}}`,
		`{"type":"track","userId":"ada","messageId":"m5","event":"Order Completed","properties":{"order_id":"o1","total":10.10,"currency":"EUR","products":[{"product_id":"p1","price":10.10}]}}`,
		`{"type":"nonsense","userId":"ada","messageId":"m6"}`)
	ask.api("PUT", "/orders/o2?wait=applied", `{"customer":{"namespace":"user_id","value":"bob"},"currency":"EUR","lines":[{"product_id":"p1","quantity":2,"price":5}]}`, 201)
	privacy(t, a, "erasure", "user_id:gone")
	said, err := json.MarshalIndent(answers(t, a), "", "\t")
	if err := errors.Join(err, a.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return said
}

// keep writes what a release keeps.
func keep(t *testing.T, name, dir string, beside map[string][]byte) {
	t.Helper()
	packed := pack(t, dir, beside)
	if len(packed) > 200<<10 {
		t.Errorf("it has %d bytes, and is kept for ever", len(packed))
	}
	if err := errors.Join(os.MkdirAll(releasesFolder, 0o755), os.WriteFile(filepath.Join(releasesFolder, name+".tar.gz"), packed, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// pack packs a data folder, without what belongs to the machine.
func pack(t *testing.T, dir string, beside map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	add := func(name string, content []byte) error {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains([]string{"LOCK", "access.lock", "health.json", "secret-key", "console-link"}, d.Name()) {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return add("data/"+filepath.ToSlash(name), content)
	})
	for _, name := range slices.Sorted(maps.Keys(beside)) {
		err = errors.Join(err, add(name, beside[name]))
	}
	if err := errors.Join(err, w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unpack gives the data folder of a release, what it answered, and the dump of its
// tables where it had some.
func unpack(t *testing.T, name string) (dir string, said map[string]remembered, dump string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(dir, "data"), said, dump
		}
		content, err2 := io.ReadAll(r)
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		switch h.Name {
		case answersFile:
			if err := json.Unmarshal(content, &said); err != nil {
				t.Fatal(err)
			}
			continue
		case dumpFile:
			dump = string(content)
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// lacks tells where got does not say what want says; it may say more.
func lacks(at string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		for key, v := range want {
			if missing := lacks(at+"/"+key, have[key], v); missing != "" {
				return missing
			}
		}
		return ""
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			return fmt.Sprintf("%s has %d and not %d", at, len(have), len(want))
		}
		for i := range want {
			if missing := lacks(fmt.Sprint(at, "/", i), have[i], want[i]); missing != "" {
				return missing
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s is %v and not %v", at, got, want)
	}
	return ""
}

// clockOf gives a clock that goes on from when the data was kept: some answers say
// how long ago something was.
func clockOf(t *testing.T, said map[string]remembered) clock.Clock {
	t.Helper()
	timeline, _ := said["/profiles/user_id:ada/timeline?limit=50"].Body.(map[string]any)
	items, _ := timeline["items"].([]any)
	if len(items) == 0 {
		t.Fatal("what was kept has no timeline")
	}
	text, _ := items[0].(map[string]any)["received_at"].(string)
	last, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	since := time.Since(last)
	return func() time.Time { return time.Now().Add(-since) }
}

// TestUpgrade_DataOfEveryReleaseIsReadGoesOnAndIsFoldedAgain opens what each
// release wrote, has it take more, and folds all of it again to the same.
func TestUpgrade_DataOfEveryReleaseIsReadGoesOnAndIsFoldedAgain(t *testing.T) {
	t.Parallel()
	kept, err := filepath.Glob(filepath.Join(releasesFolder, "*.tar.gz"))
	if err != nil || len(kept) == 0 {
		t.Fatalf("no data of releases: %v", err)
	}
	if n := 6; !soak.Long() && len(kept) > n {
		kept = kept[len(kept)-n:] // all of them when soaking
	}
	for _, name := range kept {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".tar.gz"), func(t *testing.T) {
			t.Parallel()
			dir, said, dump := unpack(t, name)
			c, parts := settings(t, dir), app.Parts{Version: "test", Clock: clockOf(t, said)}
			if dump != "" {
				server, schema := pgtest.For(t), fmt.Sprintf("upgraded_%d", time.Now().UnixNano())
				server.Exec(t, strings.ReplaceAll(dump, keptSchema, schema))
				c.Store = server.In(t, schema)
			}
			a := openWith(t, c, parts)
			got := answers(t, a)
			for path, want := range said {
				if got[path].Status != want.Status {
					t.Errorf("%s: %d %v, and was %d", path, got[path].Status, got[path].Body, want.Status)
				}
				if missing := lacks(path, got[path].Body, want.Body); missing != "" {
					t.Error(missing)
				}
			}
			batch(t, a,
				`{"type":"identify","userId":"bob","anonymousId":"browser-of-bob","messageId":"n1","traits":{"plan":"gold"}}`,
				`{"type":"track","userId":"ada","messageId":"m5","event":"Order Completed","properties":{"order_id":"o1","total":10.10,"currency":"EUR"}}`)
			if s := sums(t, a); s["deduplicated"] != 1 {
				t.Errorf("what came before the upgrade is not known: %v", s)
			}
			before := answers(t, a)
			if members := before["/segments/gold/members"].Body.(map[string]any)["items"].([]any); len(members) != 2 {
				t.Errorf("after the upgrade the segment has %v", members)
			}
			if err := a.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := app.Rebuild(t.Context(), c, app.Parts{Clock: parts.Clock}, nil); err != nil {
				t.Fatal(err)
			}
			a = openWith(t, c, parts)
			for path, after := range answers(t, a) {
				if !reflect.DeepEqual(after, before[path]) {
					t.Errorf("folded again, %s is %v, and was %v", path, after, before[path])
				}
			}
		})
	}
}
