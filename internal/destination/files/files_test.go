package files_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/destination"
	"rapport/internal/destination/files"
	"rapport/internal/destination/sinktest"
	"rapport/internal/fault"
)

const (
	accessKey = "AKIAIOSFODNN7EXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

func settings(t testing.TB, s files.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rows reads a file, each row by the names of its columns.
func rows(t testing.TB, name string, b []byte) (out []map[string]string) {
	t.Helper()
	switch filepath.Ext(name) {
	case ".csv":
		lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, line := range lines[1:] {
			row := map[string]string{}
			for i, v := range line {
				row[lines[0][i]] = v
			}
			out = append(out, row)
		}
	case ".jsonl":
		s := bufio.NewScanner(bytes.NewReader(b))
		s.Buffer(nil, 10<<20)
		for s.Scan() {
			var line map[string]any
			d := json.NewDecoder(bytes.NewReader(s.Bytes()))
			d.UseNumber()
			if err := d.Decode(&line); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			row := map[string]string{}
			for k, v := range line {
				row[k] = fmt.Sprint(v)
			}
			out = append(out, row)
		}
	case ".parquet":
		f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		columns := f.Schema().Columns()
		for _, group := range f.RowGroups() {
			r := group.Rows()
			buffer := make([]parquet.Row, group.NumRows())
			if n, err := r.ReadRows(buffer); int64(n) != group.NumRows() {
				t.Fatalf("%s: %d rows, %v", name, n, err)
			}
			for _, values := range buffer {
				row := map[string]string{}
				for i, v := range values {
					row[columns[i][0]] = v.String()
				}
				out = append(out, row)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	default:
		t.Fatalf("a file %s", name)
	}
	return out
}

// local reads all files below a folder.
func local(t testing.TB, folder string) (out []map[string]string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "day=*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(a[strings.LastIndex(a, "Z-"):], b[strings.LastIndex(b, "Z-"):])
	})
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rows(t, name, b)...)
	}
	return out
}

func ids(rows []map[string]string) (out []string) {
	for _, r := range rows {
		out = append(out, r["id"])
	}
	return out
}

func TestFiles_PassesTheSuite(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			sinktest.Run(t, sinktest.Suite{
				Type: files.Type(), Settings: settings(t, files.Settings{Folder: "a/b", Format: format}), Files: folder, Local: true, Once: true,
				Received: func() []string { return ids(local(t, filepath.Join(folder, "a", "b"))) },
			})
		})
	}
}

// storage is a counterpart that checks signatures as S3 does.
type storage struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	order   []string
	status  int // what it answers instead
}

func newStorage(t testing.TB) *storage {
	s := &storage{objects: map[string][]byte{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.status != 0 {
			w.WriteHeader(s.status)
			fmt.Fprint(w, `<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>The bucket is not there</Message></Error>`)
			return
		}
		if got, want := r.Header.Get("Authorization"), signature(r, body); got != want || r.Method != http.MethodPut {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>SignatureDoesNotMatch</Code></Error>`)
			t.Errorf("%s %s is signed\n%s, not\n%s", r.Method, r.RequestURI, got, want)
			return
		}
		if old, ok := s.objects[r.URL.Path]; ok && !bytes.Equal(old, body) {
			t.Errorf("%s is written over with something else", r.URL.Path)
		} else if !ok {
			s.order = append(s.order, r.URL.Path)
		}
		s.objects[r.URL.Path] = body
	}))
	if t, ok := t.(*testing.T); ok {
		t.Cleanup(s.Close)
	}
	return s
}

// signature is what the request should be signed with, by the specification's
// steps and what came over the line.
func signature(r *http.Request, body []byte) string {
	_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	sum := sha256.Sum256(body)
	lines := []string{r.Method, r.URL.EscapedPath(), r.URL.Query().Encode()}
	for name := range strings.SplitSeq(list, ";") {
		v := r.Header.Get(name)
		if name == "host" {
			v = r.Host
		}
		lines = append(lines, name+":"+strings.TrimSpace(v))
	}
	lines = append(lines, "", list, hex.EncodeToString(sum[:]))
	whole := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	date := r.Header.Get("X-Amz-Date")
	scope := date[:8] + "/eu-central-1/s3/aws4_request"
	key := []byte("AWS4" + secretKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = sum256(key, part)
	}
	made := sum256(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hex.EncodeToString(whole[:]))
	for _, must := range []string{"host", "x-amz-content-sha256", "x-amz-date"} {
		if !slices.Contains(strings.Split(list, ";"), must) {
			return must + " is not signed"
		}
	}
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%x", accessKey, scope, list, made)
}

func sum256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (s *storage) settings(format string) files.Settings {
	return files.Settings{Target: "s3", Folder: "pre fix/ä+$", Format: format, S3: files.S3{
		Endpoint: s.URL, Region: "eu-central-1", Bucket: "people", PathStyle: true, AccessKey: accessKey, SecretKey: secretKey, Token: "a session's token",
	}}
}

func (s *storage) rows(t testing.TB) (out []map[string]string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.order {
		if !strings.HasPrefix(name, "/people/pre fix/ä+$/day=2026-") {
			t.Errorf("an object %q", name)
		}
		out = append(out, rows(t, name, s.objects[name])...)
	}
	return out
}

func TestFiles_PassesTheSuiteOnABucket(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newStorage(t)
			sinktest.Run(t, sinktest.Suite{
				Type: files.Type(), Settings: settings(t, s.settings(format)), Once: true, Secrets: []string{secretKey, "a session's token"},
				Received: func() []string { return ids(s.rows(t)) },
			})
		})
	}
}

func open(t testing.TB, s files.Settings, env destination.Env) destination.Sink {
	t.Helper()
	sink, err := files.Type().Open(context.Background(), settings(t, s), env)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func TestFiles_WritesTheColumnsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	env := sinktest.Env(t, &sinktest.Line{})
	env.Files = t.TempDir()
	sink := open(t, files.Settings{Format: "csv", Columns: []files.Column{{"email", "identifiers.email"}, {"total", "event.properties.total"}, {"id", "message.id"}, {"tags", "tags"}}}, env)
	r := sink.Send(t.Context(), []destination.Message{{ID: "m1", Time: sinktest.At, Payload: json.RawMessage(
		`{"person":{"identifiers":[{"namespace":"email","value":"a@example.com"}]},"event":{"properties":{"total":12345678901}},"tags":["a","b"]}`)}, {ID: "m2", Payload: json.RawMessage(`{}`)}})
	if r[0].Outcome != destination.Delivered || r[1].Outcome != destination.Delivered {
		t.Fatalf("%+v", r)
	}
	names, err := filepath.Glob(filepath.Join(env.Files, "day=2026-11-22", "20261122T093000Z-00000001-*.csv"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files %q, %v", names, err)
	}
	b, err := os.ReadFile(names[0])
	if want := "email,total,id,tags\na@example.com,12345678901,m1,\"[\"\"a\"\",\"\"b\"\"]\"\n,,m2,\n"; err != nil || string(b) != want {
		t.Errorf("%s, want %s (%v)", b, want, err)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
}

// What the storage did not take is written with the next attempt, under the name
// that it was given first, also by another process.
func TestFiles_FinishesWhatWasBegun(t *testing.T) {
	t.Parallel()
	far := newStorage(t)
	far.status = http.StatusNotFound
	env := sinktest.Env(t, &sinktest.Line{})
	suite := sinktest.Suite{}
	sink := open(t, far.settings("jsonl"), env)
	r := sink.Send(t.Context(), suite.Messages(0, 3))[0]
	if r.Outcome != destination.Retry || !strings.Contains(r.Reason, "NoSuchBucket") || r.Status != 404 {
		t.Errorf("%+v", r)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	far.mu.Lock()
	far.status = 0
	far.mu.Unlock()
	sink = open(t, far.settings("jsonl"), env)
	// The batch is another one now.
	for _, r := range sink.Send(t.Context(), suite.Messages(1, 4)) {
		if r.Outcome != destination.Delivered {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(ids(far.rows(t)), " "); got != "msg_0000 msg_0001 msg_0002 msg_0003 msg_0004" {
		t.Errorf("rows %s", got)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
}

func TestSign_GivesThePublishedSignature(t *testing.T) {
	t.Parallel()
	// The PUT of "Authenticating Requests: Using the Authorization Header".
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://examplebucket.s3.amazonaws.com/test%24file.text", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Date", "Fri, 24 May 2013 00:00:00 GMT")
	q.Header.Set("x-amz-storage-class", "REDUCED_REDUNDANCY")
	files.Sign(&files.S3{AccessKey: accessKey, SecretKey: secretKey, Region: "us-east-1"}, q, []byte("Welcome to Amazon S3."), time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	want := "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
		"SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
	if got := q.Header.Get("Authorization"); got != want {
		t.Errorf("signed\n%s\nwant\n%s", got, want)
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		env   destination.Env
		s     files.Settings
	}{
		{"/settings/target", destination.Env{Folder: "x"}, files.Settings{}},
		{"/settings/target", destination.Env{Files: "x"}, files.Settings{}},
		{"/settings/folder", destination.Env{Folder: "x", Files: "y"}, files.Settings{Folder: "../x"}},
		{"/settings/folder", destination.Env{Folder: "x", Files: "y"}, files.Settings{Folder: "/x"}},
		{"/settings/format", destination.Env{Folder: "x", Files: "y"}, files.Settings{Format: "xml"}},
		{"/settings/columns", destination.Env{Folder: "x", Files: "y"}, files.Settings{Columns: []files.Column{{"a", "b"}, {"a", "c"}}}},
		{"/settings/s3/endpoint", destination.Env{Folder: "x"}, files.Settings{Target: "s3"}},
		{"/settings/s3/bucket", destination.Env{Folder: "x"}, files.Settings{Target: "s3", S3: files.S3{Endpoint: "https://a", Bucket: "A/../B"}}},
		{"/settings/s3/secret_key", destination.Env{Folder: "x"}, files.Settings{Target: "s3", S3: files.S3{Endpoint: "https://a", Bucket: "abc"}}},
	} {
		_, err := files.Type().Open(t.Context(), settings(t, c.s), c.env)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Field != c.field {
			t.Errorf("%s: %v", c.field, err)
		}
	}
}

func FuzzEscapePath(f *testing.F) {
	f.Add("a b/ä+$%/x")
	f.Fuzz(func(t *testing.T, key string) {
		if back, err := url.PathUnescape(files.EscapePath(key)); err != nil || back != key {
			t.Errorf("%q becomes %q, %v", key, back, err)
		}
	})
}
