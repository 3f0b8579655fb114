package dialect_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"rapport/internal/dialect"
	"rapport/internal/fault"
)

func TestReadBody_HoldsItsLimitPackedAndUnpacked(t *testing.T) {
	t.Parallel()
	const most = 1_000
	tooLong := func(int) error { return fault.Errorf(fault.TooLarge, "too_long", "too long") }
	text := func(n int) string { return strings.Repeat("x", n) }
	half := zipped(t, text(500))
	for name, c := range map[string]struct {
		encoding, body string
		length         int // of what is read
		code           string
	}{
		"plain":           {"", text(most), most, ""},
		"a byte more":     {"", text(most + 1), 0, "too_long"},
		"identity":        {"identity", text(10), 10, ""},
		"nothing":         {"", "", 0, ""},
		"mark":            {"", "\xef\xbb\xbf{}", 2, ""},
		"packed":          {"gzip", zipped(t, text(most)), most, ""},
		"in capitals":     {"GZIP", zipped(t, text(most)), most, ""},
		"packed mark":     {"gzip", zipped(t, "\xef\xbb\xbf{}"), 2, ""},
		"in two members":  {"gzip", zipped(t, "ab") + zipped(t, "cd"), 4, ""},
		"bomb":            {"gzip", zipped(t, text(50<<20)), 0, "too_long"},
		"unpacks to one":  {"gzip", zipped(t, text(most+1)), 0, "too_long"},
		"long on the way": {"gzip", zipped(t, "") + text(most), 0, "too_long"},
		"half":            {"gzip", half[:len(half)-9], 0, "invalid_gzip"},
		"none":            {"gzip", text(30), 0, "invalid_gzip"},
		"nothing packed":  {"gzip", "", 0, "invalid_gzip"},
		"another":         {"br", text(10), 0, "unsupported_encoding"},
		"two":             {"gzip, gzip", zipped(t, zipped(t, "x")), 0, "unsupported_encoding"},
	} {
		for _, sized := range []bool{true, false} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("Content-Encoding", c.encoding)
			if !sized {
				r.ContentLength = -1
			}
			got, err := dialect.ReadBody(r, most, tooLong)
			if code := dialect.Code(err); err != nil && code != c.code || err == nil && c.code != "" || len(got) != c.length {
				t.Errorf("%s, length told %v: %d bytes, %v; want %d and %q", name, sized, len(got), err, c.length, c.code)
			}
		}
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
