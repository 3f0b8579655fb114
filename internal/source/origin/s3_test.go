package origin_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/feed"
)

// bucketServer is a store that speaks S3: it checks the signature of every
// request by the rules of AWS Signature Version 4, written here anew.
type bucketServer struct {
	objects map[string]string
	secret  string
	page    int
	asked   []string
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// signature is what a request must be signed with.
func (b *bucketServer) signature(r *http.Request) (given, want string) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[k] = v
	}
	scope := strings.SplitN(fields["Credential"], "/", 2)
	if len(scope) != 2 || scope[0] != "AKIDEXAMPLE" {
		return "", "none"
	}
	var headers strings.Builder
	for name := range strings.SplitSeq(fields["SignedHeaders"], ";") {
		value := strings.Join(strings.Fields(r.Header.Get(name)), " ")
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	query := strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20")
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), query, headers.String(), fields["SignedHeaders"], r.Header.Get("X-Amz-Content-Sha256")}, "\n")
	hashed := sha256.Sum256([]byte(request))
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope[1] + "\n" + hex.EncodeToString(hashed[:])
	key := []byte("AWS4" + b.secret)
	for part := range strings.SplitSeq(scope[1], "/") {
		key = sum(key, part)
	}
	return fields["Signature"], hex.EncodeToString(sum(key, text))
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name, Prefix          string
	KeyCount, MaxKeys     int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listedObject
}

func (b *bucketServer) refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

func etag(text string) string {
	h := sha256.Sum256([]byte(text))
	return `"` + hex.EncodeToString(h[:16]) + `"`
}

func (b *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.asked = append(b.asked, r.Method+" "+r.URL.Path)
	if given, want := b.signature(r); given != want {
		b.refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case name != "feeds":
		b.refuse(w, http.StatusNotFound, "NoSuchBucket")
	case key == "":
		b.list(w, r)
	default:
		text, ok := b.objects[key]
		if !ok {
			b.refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		if m := r.Header.Get("If-Match"); m != etag(text) {
			b.refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		w.Header().Set("ETag", etag(text))
		w.Header().Set("Last-Modified", "Wed, 12 Oct 2022 17:50:00 GMT")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write([]byte(text))
	}
}

func (b *bucketServer) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	out := listing{Name: "feeds", Prefix: q.Get("prefix"), MaxKeys: b.page}
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if len(keys) > b.page {
		keys = keys[:b.page]
		out.IsTruncated, out.NextContinuationToken = true, keys[b.page-1]
	}
	for _, k := range keys {
		out.Contents = append(out.Contents, listedObject{k, "2022-10-12T17:50:00.000Z", etag(b.objects[k]), len(b.objects[k])})
	}
	out.KeyCount = len(out.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}

func TestS3_GivesTheObjectsOfAPrefix(t *testing.T) {
	t.Parallel()
	b := &bucketServer{secret: "wJalr/secret+key", page: 2, objects: map[string]string{
		"out/user-1.csv": "one", "out/user-2 ä.csv": "two", "out/deeper/user-3.csv": strings.Repeat("x", 300_000), "out/other.txt": "no", "in/user-4.csv": "no", "out/": "",
	}}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	p := &feed.Pull{Pattern: "user-*", S3: &feed.S3Origin{Endpoint: s.URL, Bucket: "feeds", Prefix: "out/", AccessKey: "AKIDEXAMPLE", Region: "eu-central-1"}}
	out, err := all(t, deps(), p, b.secret, "")
	if err != nil || strings.Join(out.names, " ") != "out/deeper/user-3.csv out/user-1.csv out/user-2 ä.csv" {
		t.Fatalf("%v %v %v", out.names, err, b.asked)
	}
	if len(out.bytes["out/deeper/user-3.csv"]) != 300_000 || out.bytes["out/user-2 ä.csv"] != "two" || out.marks["out/user-1.csv"] == "" {
		t.Errorf("%v", out.marks)
	}
	_, err = all(t, deps(), p, "another secret", "")
	refused(t, err, "origin_refused", "access key")
	if err != nil && strings.Contains(err.Error(), "another secret") {
		t.Error("the secret is told:", err)
	}
	p.S3.Bucket = "none"
	_, err = all(t, deps(), p, b.secret, "")
	refused(t, err, "origin_refused", "no bucket")
}
