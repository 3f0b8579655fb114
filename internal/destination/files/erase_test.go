package files_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rapport/internal/blob/blobtest"
	"rapport/internal/consent"
	"rapport/internal/destination"
	"rapport/internal/destination/files"
	"rapport/internal/event"
)

const janesID = "0123456789abcdef0123456789abcdef"

func jane() files.Gone {
	return files.Gone{
		IDs: map[string]bool{janesID: true},
		Mentions: consent.NewMentions([]event.Identifier{
			{Namespace: event.Email, Value: "janedoe@gmail.com"}, {Namespace: event.Phone, Value: "+16505551212"},
		}),
	}
}

// filled writes messages about three people, one of them Jane, with a sink.
func filled(t *testing.T, folder string, s files.Settings) {
	t.Helper()
	s.Gather = 1
	sink, err := files.Type().Open(t.Context(), settings(t, s), destination.Env{Now: time.Now, Folder: t.TempDir(), Files: folder})
	if err != nil {
		t.Fatal(err)
	}
	var batch []destination.Message
	for i, m := range []struct{ person, payload string }{
		{"other", `{"email":"bob@example.com","note":"a, \"b\"\nc"}`},
		{janesID, `{"email":"janedoe@gmail.com","phone":"+1 650 555 1212"}`},
		{janesID, `{"phone":"+16505551212"}`},
		{"third", `{"email":"carl@example.com","note":"x"}`},
	} {
		batch = append(batch, destination.Message{ID: fmt.Sprint("m", i), Kind: destination.Event, Person: m.person, Time: time.Now(), Payload: json.RawMessage(m.payload)})
	}
	for i, r := range sink.Send(t.Context(), batch) {
		if r.Outcome != destination.Delivered {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}

// contents are all bytes of files below a folder.
func contents(t *testing.T, folder string) (out []byte) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out = append(out, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestErase_TakesRowsOutOfEveryFormat(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		folder := t.TempDir()
		filled(t, folder, files.Settings{Format: format})
		n, rows, err := files.Erase(t.Context(), jane(), folder, filepath.Join(folder, "not there"))
		if err != nil || n != 1 || rows != 2 {
			t.Fatalf("%s: %d files, %d rows, %v", format, n, rows, err)
		}
		left := local(t, folder)
		if fmt.Sprint(ids(left)) != "[m0 m3]" || left[0]["person"] != "other" || !strings.Contains(left[0]["payload"], "bob@example.com") {
			t.Errorf("%s: %v are left", format, left)
		}
		if b := contents(t, folder); bytes.Contains(b, []byte("janedoe")) || bytes.Contains(b, []byte(janesID)) {
			t.Errorf("%s: something is left", format)
		}
		if n, rows, err := files.Erase(t.Context(), jane(), folder); err != nil || n+rows != 0 {
			t.Errorf("%s: again %d files, %d rows, %v", format, n, rows, err)
		}
	}
}

func TestErase_KnowsTheHashesOfAudiences(t *testing.T) {
	t.Parallel()
	for _, platform := range []string{"google", "meta", "linkedin", "tiktok"} {
		folder := t.TempDir()
		hash := func(kind, text string) []byte { return []byte(files.Normal(platform, kind, text)) }
		mail, number, other := hash("email", "janedoe@gmail.com"), hash("phone", "+16505551212"), hash("email", "bob@example.com")
		s := files.Settings{Audience: platform}
		if platform == "linkedin" { // knows no phones: the message with one alone is refused
			s.Fields = map[string]string{"email": "email"}
			number = mail
		}
		filledAudience(t, folder, s)
		before := contents(t, folder)
		if !bytes.Contains(before, mail) || !bytes.Contains(before, number) {
			t.Fatalf("%s: the search finds nothing in %s", platform, before)
		}
		if _, _, err := files.Erase(t.Context(), jane(), folder); err != nil {
			t.Fatal(err)
		}
		if after := contents(t, folder); bytes.Contains(after, mail) || bytes.Contains(after, number) || !bytes.Contains(after, other) {
			t.Errorf("%s: left is %s", platform, after)
		}
	}
}

// filledAudience is filled for those who can be found.
func filledAudience(t *testing.T, folder string, s files.Settings) {
	t.Helper()
	sink, err := files.Type().Open(t.Context(), settings(t, withGather(s)), destination.Env{Now: time.Now, Folder: t.TempDir(), Files: folder})
	if err != nil {
		t.Fatal(err)
	}
	for i, payload := range []string{`{"email":"bob@example.com"}`, `{"email":"JaneDoe@gmail.com"}`, `{"email":"janedoe@gmail.com","phone":"+1 (650) 555-1212"}`} {
		m := destination.Message{ID: fmt.Sprint("m", i), Kind: destination.Entered, Person: "x", Time: time.Now(), Payload: json.RawMessage(payload)}
		if r := sink.Send(t.Context(), []destination.Message{m})[0]; r.Outcome != destination.Delivered {
			t.Fatalf("%+v", r)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}

func withGather(s files.Settings) files.Settings {
	s.Gather = 1
	return s
}

// What is staged, what a crash left before it had its name, and files of others.
func TestErase_LooksIntoStagedFilesAndTouchesNoOther(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	put := func(name, content string) string {
		at := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	const mail = "janedoe@gmail.com"
	staged := put(".rapport-stage/20260310T120000Z-00000001-0123456789abcdef.jsonl", "{\"a\":\""+mail+"\"}\n{\"a\":1}\n")
	alone := put("x/day=2026-03-10/20260310T120000Z-00000002-0123456789abcdef.csv", "a\n"+mail+"\n")
	torn := put("x/20260310T120000Z-00000003-0123456789abcdef.csv.tmp", "a\n"+mail[:9])
	others := put("x/notes.csv", "a\n"+mail+"\n")
	n, rows, err := files.Erase(t.Context(), jane(), folder)
	if err != nil || n != 2 || rows != 2 {
		t.Fatalf("%d files, %d rows, %v", n, rows, err)
	}
	if b, err := os.ReadFile(staged); err != nil || string(b) != "{\"a\":1}\n" {
		t.Errorf("staged is %q, %v", b, err)
	}
	for _, path := range []string{alone, torn} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if b, err := os.ReadFile(others); err != nil || !bytes.Contains(b, []byte(mail)) {
		t.Errorf("a file of others is %q, %v", b, err)
	}
}

// In a bucket the same rows go, whatever the format; broken off in the middle it
// goes on behind the last file that is done, and counts none twice.
func TestBucketErase_GoesOnWhereItWasBrokenOff(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		storage := blobtest.New(t, "people")
		to := files.Settings{Target: "s3", Folder: "pre fix/ä+$", Format: format, Gather: 1, S3: files.S3{
			Endpoint: storage.URL, Bucket: "people", PathStyle: true, AccessKey: blobtest.AccessKey, SecretKey: secretKey, Token: "of a session",
		}}
		env := destination.Env{Now: time.Now, HTTP: http.DefaultClient, Folder: t.TempDir()}
		local := t.TempDir()
		filled(t, local, files.Settings{Format: format})
		const made = 5
		for n := range made {
			storage.Put(fmt.Sprintf("pre fix/ä+$/day=2026-03-0%d/20260301T000000Z-%08d-0123456789abcdef.%s", n+1, n, format), contents(t, local))
		}
		storage.Put("pre fix/ä+$/theirs."+format, []byte(janesID))
		b, err := files.OpenBucket(t.Context(), settings(t, to), env)
		if err != nil || b.Place() != "s3://people/pre fix/ä+$" {
			t.Fatalf("%v, %v", b, err)
		}
		behind, changed, gone := "", 0, 0
		note := func(name string, n int) error {
			behind, gone = name, gone+n
			if n > 0 {
				changed++
			}
			return nil
		}
		reads := 0
		storage.Answer(func(method, key string) int {
			if method == http.MethodGet && key != "" {
				reads++
			}
			if reads == 3 {
				return http.StatusNotImplemented // minio asks no second time
			}
			return 0
		})
		if err := b.Erase(t.Context(), jane(), behind, note); err == nil || files.OutOfReach(err) || changed != 2 {
			t.Fatalf("%s: broken off after %d files: %v", format, changed, err)
		}
		storage.Answer(func(_, key string) int {
			if key != "" && strings.Compare(key, "pre fix/ä+$/"+behind) <= 0 {
				t.Errorf("%s is looked at again", key)
			}
			return 0
		})
		if err := b.Erase(t.Context(), jane(), behind, note); err != nil || changed != made || gone != 2*made {
			t.Errorf("%s: %d files, %d rows, %v", format, changed, gone, err)
		}
		left := 0
		for key, content := range storage.Objects() {
			if strings.HasSuffix(key, "theirs."+format) {
				continue
			}
			if bytes.Contains(content, []byte("janedoe")) || bytes.Contains(content, []byte(janesID)) {
				t.Errorf("%s: something is left in %s", format, key)
			}
			left += len(rows(t, key, content))
		}
		if left != 2*made || string(storage.Objects()["pre fix/ä+$/theirs."+format]) != janesID {
			t.Errorf("%s: %d rows of others are left", format, left)
		}
		storage.Answer(func(string, string) int { return http.StatusForbidden })
		if err := b.Erase(t.Context(), jane(), "", note); !files.OutOfReach(err) {
			t.Errorf("%s: refused: %v", format, err)
		}
	}
}
