package origin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/feed"
)

func TestHTTP_GivesAFileWithAMarkOfItsVersion(t *testing.T) {
	t.Parallel()
	version := "v1"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved.csv":
			http.Redirect(w, r, "/user.csv", http.StatusFound)
			return
		case r.URL.Path == "/bare.csv" && r.Method == http.MethodHead:
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		case r.URL.Path == "/cut.csv" && r.Method == http.MethodGet:
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("userId\nu1"))
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/user.csv":
			w.Header().Set("ETag", `"`+version+`"`)
		case r.URL.Path == "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="../../product-1.csv"`)
		}
		user, secret, _ := r.BasicAuth()
		if user+secret+r.Header.Get("Authorization")+r.Header.Get("X-Key") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "%s %s%s %s", version, user, secret, r.Header.Get("X-Key"))
	}))
	t.Cleanup(s.Close)
	fetch := func(path, auth string) (got, error) {
		h := &feed.HTTPOrigin{URL: s.URL + path, Auth: auth, User: "u", Header: "X-Key"}
		return all(t, deps(), &feed.Pull{HTTP: h}, "hidden", "")
	}
	for auth, want := range map[string]string{"basic": "v1 uhidden ", "bearer": "v1  ", "header": "v1  hidden"} {
		if out, err := fetch("/user.csv", auth); err != nil || out.bytes["user.csv"] != want || out.marks["user.csv"] != `"v1"` {
			t.Errorf("%s: %+v %v", auth, out, err)
		}
	}
	if out, err := fetch("/named", "basic"); err != nil || len(out.names) != 1 || out.names[0] != "product-1.csv" {
		t.Errorf("%v %v", out.names, err)
	}
	first, err := fetch("/bare.csv", "basic")
	version = "v2"
	second, err2 := fetch("/bare.csv", "basic")
	if m := first.marks["bare.csv"]; err != nil || err2 != nil || !strings.HasPrefix(m, "sha256:") || m == second.marks["bare.csv"] {
		t.Errorf("%v %v, %v %v", first, err, second, err2)
	}
	for path, words := range map[string]string{"/moved.csv": "redirect", "/cut.csv": "cannot be reached"} {
		if _, err := fetch(path, "basic"); err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := fetch("/user.csv", "none"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
}
