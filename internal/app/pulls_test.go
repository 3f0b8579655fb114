package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/app"
)

// pullView is a pull as the instance shows it.
type pullView struct {
	State struct {
		Running bool     `json:"running"`
		Looked  string   `json:"looked_at"`
		Taken   int      `json:"files_taken"`
		Error   string   `json:"error"`
		Imports []string `json:"imports"`
	} `json:"state"`
}

func own(t *testing.T, a *app.App, request, body string, into any) (int, string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	status, _, text := call(t, method, a.URL()+"/api/v1/"+path, body, "Authorization", "Bearer "+secretKey, "Content-Type", "application/json")
	if into != nil && status < 300 {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return status, text
}

// look lets a pull look, and waits until what it brought is imported.
func look(t *testing.T, a *app.App, key string) (v pullView, text string) {
	t.Helper()
	var before pullView
	own(t, a, "GET import-pulls/"+key, "", &before)
	if status, text := own(t, a, "POST import-pulls/"+key+"/run", "", nil); status != 202 {
		t.Fatalf("%s: %d %s", key, status, text)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		v = pullView{}
		_, text = own(t, a, "GET import-pulls/"+key, "", &v)
		if v.State.Running || v.State.Looked == before.State.Looked {
			continue
		}
		done := true
		for _, id := range v.State.Imports {
			var i imported
			own(t, a, "GET imports/"+id, "", &i)
			done = done && i.State == "done"
		}
		if done {
			return v, text
		}
	}
	t.Fatalf("%s does not look: %s", key, text)
	return v, text
}

func put(t *testing.T, name, text string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestPulls_AWatchedFolderBringsEachFileOnce(t *testing.T) {
	t.Parallel()
	c, in := settings(t, t.TempDir()), t.TempDir()
	c.Imports.Folders = in
	a := open(t, c)
	// It is paused, so that only the test lets it look.
	if status, text := own(t, a, "PUT import-pulls/crm", fmt.Sprintf(`{"every":"30s","paused":true,"folder":{"path":%q}}`, in), nil); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	put(t, filepath.Join(in, "user-1.csv"), "userId,attribute:tier\nw1,gold\nw2,silver\n", time.Hour)
	put(t, filepath.Join(in, "user-2.csv"), "userId,attribute:tier\nw3,go", time.Second) // still written
	if v, text := look(t, a, "crm"); v.State.Taken != 1 || v.State.Error != "" {
		t.Fatal(text)
	}
	put(t, filepath.Join(in, "user-2.csv"), "userId,attribute:tier\nw3,gold\n", time.Minute)
	put(t, filepath.Join(in, "user-3.csv"), "<html></html>", time.Minute)
	v, text := look(t, a, "crm")
	if v.State.Taken != 2 || !strings.Contains(v.State.Error, "user-3.csv") || !strings.Contains(v.State.Error, "XML or HTML") {
		t.Fatal(text)
	}
	for _, who := range []string{"w1", "w2", "w3"} {
		if _, text := own(t, a, "GET profiles/user_id:"+who, "", nil); !strings.Contains(text, `"tier"`) {
			t.Errorf("%s: %s", who, text)
		}
	}
	put(t, filepath.Join(in, "user-1.csv"), "userId,attribute:tier\nw1,gold\nw2,silver\n", 30*time.Minute) // touched, not changed
	if v, text := look(t, a, "crm"); v.State.Taken != 2 || v.State.Error != "" {
		t.Errorf("nothing is new: %s", text)
	}
	put(t, filepath.Join(in, "user-1.csv"), "userId,attribute:tier\nw1,platinum\nw2,silver\n", 20*time.Minute)
	if v, text = look(t, a, "crm"); v.State.Taken != 3 {
		t.Fatal(text)
	}
	var i imported
	own(t, a, "GET imports/"+v.State.Imports[0], "", &i)
	if i.String() != "done 2: +0 ~1 =1 !0 x0" {
		t.Error(i)
	}
}

func TestPulls_SayWhyTheyBringNothing(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "userId,attribute:tier\nh1,gold\n")
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	a := open(t, settings(t, dir))
	document := fmt.Sprintf(`{"every":"1h","paused":true,"http":{"url":%q,"auth":"bearer"},"secret":"hunter2"}`, s.URL+"/user.csv")
	if status, text := own(t, a, "PUT import-pulls/shop", document, nil); status != 201 || strings.Contains(text, "hunter2") {
		t.Fatalf("%d %s", status, text)
	}
	if v, text := look(t, a, "shop"); asked.Load() != 0 || !strings.Contains(v.State.Error, "egress.allow") || strings.Contains(text, "hunter2") {
		t.Errorf("a private address was asked: %s", text)
	}
	if status, text := own(t, a, "PUT import-pulls/etc", `{"every":"1h","paused":true,"folder":{"path":"/etc"}}`, nil); status != 201 {
		t.Fatal(text)
	}
	if v, text := look(t, a, "etc"); !strings.Contains(v.State.Error, "imports.folders") {
		t.Error(text)
	}
	if status, text := own(t, a, "POST import-pulls/none/run", "", nil); status != 404 {
		t.Error(text)
	}
}

func TestPulls_FetchOverTheNetworkWhereTheyMay(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "userId,attribute:tier\nh1,gold\n")
	}))
	t.Cleanup(s.Close)
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	a := open(t, c)
	if status, text := own(t, a, "PUT import-pulls/shop", fmt.Sprintf(`{"every":"1h","paused":true,"kind":"user","http":{"url":%q,"auth":"bearer"},"secret":"hunter2"}`, s.URL), nil); status != 201 {
		t.Fatal(text)
	}
	for range 2 {
		if v, text := look(t, a, "shop"); v.State.Taken != 1 || v.State.Error != "" {
			t.Fatal(text)
		}
	}
	if _, text := own(t, a, "GET profiles/user_id:h1", "", nil); !strings.Contains(text, "gold") {
		t.Error(text)
	}
}
