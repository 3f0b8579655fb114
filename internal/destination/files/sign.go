package files

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sign signs a request as AWS Signature Version 4 has it: everything in it, the
// body by its hash.
func (c *S3) sign(q *http.Request, body []byte, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	q.Header.Set("X-Amz-Date", stamp)
	q.Header.Set("X-Amz-Content-Sha256", hash(body))
	if c.Token != "" {
		q.Header.Set("X-Amz-Security-Token", c.Token)
	}
	names := []string{"host"}
	for name := range q.Header {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		value := q.Header.Get(name)
		if name == "host" {
			value = q.URL.Host
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{
		q.Method, q.URL.EscapedPath(), q.URL.RawQuery, headers.String(), signed, hash(body),
	}, "\n")
	scope := strings.Join([]string{stamp[:8], c.Region, "s3", "aws4_request"}, "/")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash([]byte(canonical))}, "\n")
	key := []byte("AWS4" + c.SecretKey)
	for _, part := range []string{stamp[:8], c.Region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	q.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.AccessKey+"/"+scope+",SignedHeaders="+signed+
		",Signature="+hex.EncodeToString(mac(key, text)))
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// escapePath escapes a key as S3 counts it: all but letters, digits, -._~ and /.
func escapePath(key string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
	}
	return b.String()
}
