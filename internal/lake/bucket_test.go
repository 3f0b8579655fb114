package lake_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rapport/internal/blob"
	"rapport/internal/blob/blobtest"
	"rapport/internal/store/memory"
)

func newStorage(t *testing.T) (*blobtest.Storage, func() blob.Target) {
	t.Helper()
	s := blobtest.New(t, "company")
	s.Put("data/lake/theirs.txt", []byte("not ours"))
	return s, func() blob.Target {
		target, err := blob.NewBucket(blob.S3{
			Setting: "lake",
			URL:     "s3://company/data/lake/", Endpoint: s.URL, Region: "eu-central-1", AccessKey: blobtest.AccessKey, SecretKey: "secret", HTTP: http.DefaultTransport,
		})
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
}

// A bucket has the same as a folder, also after a restart, a crash that left
// files behind, and a time in which it could not be reached.
func TestBucket_HasEveryEventOnce(t *testing.T) {
	t.Parallel()
	s, target := newStorage(t)
	disk := memory.NewDisk()
	h := open(t, memory.Open(disk), target(), nil)
	n := 0
	send := func() {
		for range 3 {
			h.send(fmt.Sprintf(`{"type":"track","messageId":"m%d","userId":"ada","event":"x"}`, n))
			n++
		}
	}
	for range 4 {
		send()
		h.step()
	}
	if err := h.lake.JoinOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.close()
	s.Put("data/lake/base_events/day=2026-03-01/999999999999-0.parquet", []byte("left by a crash"))
	h = open(t, memory.Open(disk), target(), h.now)
	s.Answer(func(string, string) int { return http.StatusForbidden })
	send()
	if err := h.lake.Step(t.Context()); err == nil || strings.Contains(err.Error(), "secret\"") {
		t.Errorf("error %v", err)
	}
	s.Answer(nil)
	h.step()
	h.pass(2 * idle)
	h.step()
	count := map[string]int{}
	for _, r := range h.rows("base_events") {
		count[r["eventId"]]++
	}
	for i := range n {
		if id := fmt.Sprintf("m%d", i); count[id] != 1 {
			t.Errorf("event %s is in the bucket %d times", id, count[id])
		}
	}
	if got := len(h.rows("users")); got != 1 {
		t.Errorf("%d users rows", got)
	}
	if _, ok := s.Objects()["data/lake/base_events/day=2026-03-01/999999999999-0.parquet"]; ok {
		t.Error("what a crash left is still there")
	}
	if string(s.Objects()["data/lake/theirs.txt"]) != "not ours" {
		t.Error("a file of others was touched")
	}
	h.close()
}

func TestNewBucket_SaysWhatWillNotDo(t *testing.T) {
	t.Parallel()
	for _, c := range []blob.S3{
		{URL: "s3://UPPER/x"}, {URL: "https://bucket/x"}, {URL: "s3://company?x=1"}, {URL: "s3://company", Endpoint: "minio:9000"}, {URL: "s3://company", Endpoint: "http://a/b"},
	} {
		c.Setting = "lake"
		if _, err := blob.NewBucket(c); err == nil || !strings.Contains(err.Error(), "lake.") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
