package app_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"rapport/internal/httpapi/contract"
)

var openAPI = sync.OnceValues(func() (*contract.Contract, error) { return contract.Read("../../api/openapi.yaml") })

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
