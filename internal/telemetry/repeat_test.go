package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/telemetry"
)

func TestLogger_SaysTheSameTroubleOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, "info", "text").With("node", "a")
		said := func() int {
			n := strings.Count(out.String(), "\n")
			out.Reset()
			return n
		}
		for i := range 100 {
			log.Error("lane cannot commit", "lane", "graph", "error", fmt.Errorf("commit at %d: full", i))
			log.Error("lane cannot commit", "lane", "people", "error", errors.New("full"))
			log.Info("the log can be written again")
		}
		if n := said(); n != 102 {
			t.Errorf("%d lines, want one for each trouble and all that is none", n)
		}
		<-time.After(61 * time.Second)
		log.Error("lane cannot commit", "lane", "graph", "error", errors.New("commit at 7: full"))
		if !strings.Contains(out.String(), "repeated=99") || said() != 1 {
			t.Errorf("a minute later: %s", out.String())
		}
		for i := range 5000 {
			log.Warn("x", "request_id", strings.Repeat("x", i)) // others are said, however many there are
		}
		if n := said(); n != 5000 {
			t.Errorf("%d lines of 5000 troubles", n)
		}
	})
}
