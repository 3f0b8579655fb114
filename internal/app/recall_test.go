package app_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rapport/internal/app"
	"rapport/internal/blob/blobtest"
)

// standing gives which of some texts stand in files below a folder.
func standing(t *testing.T, folder string, texts ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was moved meanwhile
		}
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) && !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// stored gives which of some texts stand in objects whose keys begin with a prefix.
func stored(s *blobtest.Storage, prefix string, texts ...string) (found []string) {
	for key, content := range s.Objects() {
		for _, text := range texts {
			if strings.HasPrefix(key, prefix) && bytes.Contains(content, []byte(text)) && !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	return found
}

// Who is erased disappears from files that destinations wrote, hashed or not, and
// from what waits for one that is paused or refuses it, also in buckets. A bucket
// that refuses to be read is named.
func TestErasure_ReachesWhatDestinationsWroteAndWhatWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := settings(t, dir)
	c.Egress.Allow = "127.0.0.1"
	a := open(t, c)
	box := listen(t, nil)
	put := func(key, document string) { api(t, a, "PUT", "/destinations/"+key+"?wait=applied", document, 201) }
	put("lines", `{"type":"files","settings":{"format":"jsonl","gather_seconds":1,"folder":"lines"},"events":{}}`)
	put("table", `{"type":"files","settings":{"format":"parquet","gather_seconds":1,"folder":"table"},"events":{}}`)
	put("ads", `{"type":"files","settings":{"audience":"meta","gather_seconds":1,"folder":"ads"},"events":{}}`)
	storage := blobtest.New(t, "people")
	bucket := func(key, more, name string) {
		put(key, `{"type":"files","settings":{"target":"s3","folder":"out `+key+`","gather_seconds":1,`+more+`"s3":{"endpoint":"`+storage.URL+`","bucket":"`+name+`","path_style":true,"access_key":"`+blobtest.AccessKey+`","secret_key":"b"}},"events":{}}`)
	}
	bucket("bucket", "", "far-away") // the storage knows no such one
	bucket("objects", `"format":"parquet",`, "people")
	bucket("matched", `"audience":"google",`, "people")
	storage.Put("out objects/theirs.jsonl", []byte(`"ada-lovelace"`))
	put("hook", `{"type":"webhook","settings":{"url":"`+box.URL+`","secrets":["`+webhookSecret+`"]},"events":{}}`)
	api(t, a, "POST", "/destinations/hook/pause", "", 200)
	const ada, bob = "ada.lovelace@example.com", "bob.other@example.com"
	batch(t, a,
		`{"type":"identify","userId":"ada-lovelace","messageId":"i1","traits":{"email":"`+ada+`"}}`,
		`{"type":"identify","userId":"bob-the-other","messageId":"i2","traits":{"email":"`+bob+`"}}`)
	batch(t, a,
		`{"type":"track","userId":"ada-lovelace","event":"Seen","messageId":"t1"}`,
		`{"type":"track","userId":"bob-the-other","event":"Seen","messageId":"t2"}`)
	adas, bobs := fmt.Sprintf("%x", sha256.Sum256([]byte(ada))), fmt.Sprintf("%x", sha256.Sum256([]byte(bob)))
	delivered, staged := filepath.Join(dir, "delivered"), filepath.Join(dir, "destinations", "bucket", "stage")
	until(t, "files", func() bool {
		return len(standing(t, filepath.Join(delivered, "lines"), ada, bob)) == 2 && len(standing(t, filepath.Join(delivered, "table"), ada, bob)) == 2 &&
			len(standing(t, filepath.Join(delivered, "ads"), adas, bobs)) == 2
	})
	until(t, "a staged file", func() bool {
		return len(standing(t, staged, ada, bob)) == 2
	})
	until(t, "objects", func() bool {
		return len(stored(storage, "out objects/day", ada, bob)) == 2 && len(stored(storage, "out matched/add", adas, bobs)) == 2
	})

	// The storage is out of order for a moment, for longer than one attempt lasts.
	var lists atomic.Int32
	storage.Answer(func(method, key string) int {
		if method == http.MethodGet && key == "" && lists.Add(1) <= 4 {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	proof := privacy(t, a, "erasure", "user_id:ada-lovelace")["proof"].(map[string]any)
	if n := lists.Load(); n < 5 {
		t.Errorf("the storage was asked %d times", n)
	}
	out := proof["delivered"].(map[string]any)
	if out["files"].(float64) < 6 || out["rows"].(float64) < 6 || fmt.Sprint(out["buckets"]) != "[matched: s3://people/out matched objects: s3://people/out objects]" ||
		!strings.HasPrefix(fmt.Sprint(out["elsewhere"]), "[bucket: s3://far-away/out bucket: list s3://far-away/out bucket: the store answers 404 (NoSuchBucket)") {
		t.Errorf("the proof says %v", out)
	}
	if left := stored(storage, "out objects/day", ada, "ada-lovelace", bob); fmt.Sprint(left) != "["+bob+"]" {
		t.Errorf("objects have %v", left)
	}
	if left := stored(storage, "out matched/", adas, bobs); fmt.Sprint(left) != "["+bobs+"]" {
		t.Errorf("objects of an audience have %v", left)
	}
	if len(stored(storage, "out objects/theirs.jsonl", "ada-lovelace")) != 1 {
		t.Error("an object of others was touched")
	}
	if hits := proof["scan"].(map[string]any)["files"].(map[string]any)["hits"].([]any); len(hits) > 0 {
		t.Errorf("the person stands in %v", hits)
	}
	if left := standing(t, dir, ada, "ada-lovelace", adas); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if left := standing(t, delivered, bob, bobs); len(left) != 2 {
		t.Errorf("of another person only %v are left", left)
	}
	api(t, a, "POST", "/destinations/hook/resume", "", 200)
	told(t, a, box)
}

// told waits until a paused destination was told of Bob, and looks for Ada.
func told(t *testing.T, a *app.App, box *listener) {
	t.Helper()
	batch(t, a, `{"type":"track","userId":"carl-the-third","event":"Last","messageId":"t9"}`)
	until(t, "the rest", func() bool {
		counts := api(t, a, "GET", "/destinations/hook", "", 200)["state"].(map[string]any)
		return counts["waiting"] == 0.0 && strings.Contains(fmt.Sprint(box.wait(t, 3)), "Last")
	})
	if all := fmt.Sprint(box.wait(t, 3)); strings.Contains(all, "lovelace") || !strings.Contains(all, "bob") {
		t.Errorf("it was told %s", all)
	}
}
