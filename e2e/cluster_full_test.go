package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// fillDisk has the database refuse whatever makes tables grow, as it does when its
// disk is full; room lets it take all that again.
const (
	fillDisk = `
CREATE OR REPLACE FUNCTION SCHEMA.full() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER disk BEFORE INSERT OR UPDATE ON SCHEMA.log_blocks EXECUTE FUNCTION SCHEMA.full();
CREATE TRIGGER disk BEFORE INSERT OR UPDATE ON SCHEMA.log_keys EXECUTE FUNCTION SCHEMA.full();
CREATE TRIGGER disk BEFORE INSERT OR UPDATE ON SCHEMA.state_rows EXECUTE FUNCTION SCHEMA.full();
CREATE TRIGGER disk BEFORE INSERT OR UPDATE ON SCHEMA.state_positions EXECUTE FUNCTION SCHEMA.full();
CREATE TRIGGER disk BEFORE INSERT OR UPDATE ON SCHEMA.node_files EXECUTE FUNCTION SCHEMA.full();`
	room = `
DROP TRIGGER disk ON SCHEMA.log_blocks; DROP TRIGGER disk ON SCHEMA.log_keys; DROP TRIGGER disk ON SCHEMA.state_rows;
DROP TRIGGER disk ON SCHEMA.state_positions; DROP TRIGGER disk ON SCHEMA.node_files;`
)

// fullDisk lets the database have no room for a while: every node says so and goes on
// reading, and takes events again when there is room, without having ended.
func (s *storm) fullDisk(t *testing.T) {
	t.Helper()
	for i := range s.before { // what is cut says nothing
		s.before[i].CutAfter(0, false)
	}
	s.holder(t)
	in := func(sql string) string { return strings.ReplaceAll(sql, "SCHEMA", s.schema) }
	s.server.Exec(t, in(fillDisk))
	for _, p := range s.nodes {
		s.saysFull(t, p)
	}
	var sums map[string]any
	s.holder(t).get(t, "/api/v1/accounting", &sums)
	s.server.Exec(t, in(room))
	for _, p := range s.nodes {
		if res, err := http.Get(p.url + "/healthz"); err != nil { //nolint:noctx // it answers at once
			t.Errorf("full disk: a node ended: %v", err)
		} else {
			_ = res.Body.Close()
		}
	}
}

// saysFull waits until a node says that events are not taken, and why.
func (s *storm) saysFull(t *testing.T, p *process) {
	t.Helper()
	c, begin := newCrowd(p.url, 0), time.Now()
	for {
		status, answer := c.send(http.MethodPost, "/v1/track", `{"userId":"nobody","event":"Refused","messageId":"full"}`, binaryWriteKey)
		if status == http.StatusServiceUnavailable && strings.Contains(answer, `"code":"disk_full"`) {
			return
		}
		if time.Since(begin) > patience {
			t.Fatalf("full disk: a node answers %d %s", status, answer)
		}
		wait(20 * time.Millisecond)
	}
}
