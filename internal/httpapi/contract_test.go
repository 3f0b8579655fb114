package httpapi

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"rapport/internal/httpapi/contract"
)

var openAPI = sync.OnceValues(func() (*contract.Contract, error) { return contract.Read("../../api/openapi.yaml") })

// byBrowsers are the operations that need an OpenID provider or an authenticator:
// e2e, which walks through all others, has neither.
var byBrowsers = regexp.MustCompile(`/session/(openid|passkeys?)(/|$)`)

// TestMain fails where all tests here together saw no success of one of them.
func TestMain(m *testing.M) {
	code := m.Run()
	c, err := openAPI()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	unseen := slices.DeleteFunc(c.Missing(), func(op string) bool { return !byBrowsers.MatchString(op) })
	some := func(f string) bool { return flag.Lookup("test."+f).Value.String() != "" }
	if len(unseen) > 0 && !some("run") && !some("skip") && !some("fuzz") && !some("list") {
		fmt.Println("no test saw a success of", strings.Join(unseen, ", "))
		code = 1
	}
	os.Exit(code)
}

// Whoever reads the document has to find what is not in it.
func TestContract_SaysWhereAnAnswerBreaksIt(t *testing.T) {
	t.Parallel()
	c, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	asJSON := http.Header{"Content-Type": {"application/json"}}
	for _, x := range []struct {
		name   string
		answer contract.Answer
		holds  bool
	}{
		{"as documented", contract.Answer{Method: "GET", Path: "/api/v1/keys", Status: 200, Header: asJSON, Body: []byte(`{"items":[],"next":null}`)}, true},
		{"a member is missing", contract.Answer{Method: "GET", Path: "/api/v1/keys", Status: 200, Header: asJSON, Body: []byte(`{"items":[]}`)}, false},
		{"a member is of another type", contract.Answer{Method: "GET", Path: "/api/v1/keys", Status: 200, Header: asJSON, Body: []byte(`{"items":1,"next":null}`)}, false},
		{"one too many", contract.Answer{Method: "GET", Path: "/api/v1/keys", Status: 200, Header: asJSON, Body: []byte(`{"items":[],"next":null,"x":1}`)}, false},
		{"another status", contract.Answer{Method: "GET", Path: "/api/v1/keys", Status: 202, Header: asJSON}, false},
		{"another kind", contract.Answer{Method: "GET", Path: "/api/v1/keys", Status: 200, Header: http.Header{"Content-Type": {"text/csv"}}, Body: []byte("a")}, false},
		{"no such route", contract.Answer{Method: "GET", Path: "/api/v1/nothing", Status: 200}, false},
		{"refused", contract.Answer{Method: "GET", Path: "/api/v1/nothing", Status: 404}, true},
		{"a dialect's", contract.Answer{Method: "POST", Path: "/v1/track", Status: 200}, true},
	} {
		if why := c.Breaks(x.answer); (why == "") != x.holds {
			t.Errorf("%s: %q", x.name, why)
		}
	}
}
