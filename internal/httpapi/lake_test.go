package httpapi

import (
	"strings"
	"testing"
)

func TestLake_ViewsAreThereOnceItCanBeRead(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.api.Lake = fakeLake{unwritten: true}
	res, text := d.ask(t, "GET", "/api/v1/lake/views.sql", "")
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" || d.problem(t, res, text).Code != "lake_starting" {
		t.Errorf("before the first manifest: %d %v %s", res.StatusCode, res.Header, text)
	}
	d.api.Lake = fakeLake{}
	if res, text = d.ask(t, "GET", "/api/v1/lake/views.sql", ""); res.StatusCode != 200 || text != "SELECT 1;" {
		t.Errorf("after it: %d %s", res.StatusCode, text)
	}
	d.api.Lake = nil
	if res, text = d.ask(t, "GET", "/api/v1/lake/views.sql", ""); res.StatusCode != 404 || !strings.Contains(text, "lake.url") {
		t.Errorf("without a lake: %d %s", res.StatusCode, text)
	}
}
