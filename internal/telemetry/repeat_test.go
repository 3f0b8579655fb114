package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/fault"
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

// A full disk is said once, whoever meets it and however long it lasts, and again
// once it was over, which is said or seen.
func TestLogger_SaysOnceThatTheDiskIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, "info", "text")
		full := fault.Errorf(fault.Unavailable, fault.DiskFull, "the disk is full")
		meet := func(seconds int) int {
			for i := range seconds {
				log.Error("store", "error", fmt.Errorf("write %d: %w", i, syscall.ENOSPC))
				log.Warn("lane cannot commit", "lane", i, "error", fmt.Errorf("row %d: %w", i, full))
				<-time.After(time.Second)
			}
			n := strings.Count(out.String(), "\n")
			out.Reset()
			return n
		}
		if n := meet(300); n != 1 {
			t.Errorf("%d lines in five minutes", n)
		}
		log.Info("there is room on the disk again", "over", fault.DiskFull)
		if n := meet(3); n != 2 {
			t.Errorf("%d lines, want that it is over and that it began anew", n)
		}
		<-time.After(time.Hour) // nobody said that it is over
		if n := meet(3); n != 1 {
			t.Errorf("%d lines of the next time", n)
		}
	})
}
