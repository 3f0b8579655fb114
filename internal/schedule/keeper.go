package schedule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"rapport/internal/clock"
	"rapport/internal/pipeline"
)

// Row is a job as it is kept.
type Row = pipeline.JobRow

// Keeper keeps jobs. The pipeline is one: what it keeps are facts in the log.
type Keeper interface {
	// KeepJob returns when the row would survive a crash and Job gives it. A
	// row without a Status is forgotten.
	KeepJob(ctx context.Context, row Row) error
	// NoteJob is KeepJob for a job that goes on: it returns when the row would
	// survive a crash, and Job gives it a moment later.
	NoteJob(ctx context.Context, row Row) error
	// Job gives a row, with a nil Spec where there is none.
	Job(ctx context.Context, id string) (Row, error)
	// Jobs lists rows whose ids come after one, in the order of their ids.
	Jobs(ctx context.Context, after string, limit int) ([]Row, error)
}

// newID makes an id of which the newest comes first. The same key gives the
// same tail, so that it can be found again within its moment.
func newID(at clock.Instant, tail string) string {
	return fmt.Sprintf("job_%016x%s", uint64(math.MaxInt64-int64(at)), tail)
}

// keyedID is the id of the job of a key: the same whenever it is asked for.
func keyedID(at clock.Instant, kind, key string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + key))
	return newID(at, hex.EncodeToString(sum[:8]))
}
