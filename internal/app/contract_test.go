package app_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"rapport/internal/httpapi/contract"
)

var openAPI = sync.OnceValues(func() (*contract.Contract, error) { return contract.Read("../../api/openapi.yaml") })

// TestMain tells with -v of which operations no test here saw a success.
func TestMain(m *testing.M) {
	code := m.Run()
	// Of some tests alone it would list nearly all.
	if c, err := openAPI(); err == nil && testing.Verbose() && flag.Lookup("test.run").Value.String() == "" {
		missing := c.Missing()
		fmt.Printf("OpenAPI: no success of %d operations: %s\n", len(missing), strings.Join(missing, ", "))
	}
	os.Exit(code)
}

// hold fails where an answer is not what the OpenAPI document says.
func hold(t *testing.T, method, address string, status int, h http.Header, body string) {
	t.Helper()
	c, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return // it was to be refused
	}
	if why := c.Breaks(contract.Answer{Method: method, Path: u.EscapedPath(), Status: status, Header: h, Body: []byte(body)}); why != "" {
		t.Errorf("%s %s: %d: %s\n%.500s", method, u.Path, status, why, body)
	}
}
