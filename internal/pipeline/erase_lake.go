package pipeline

import (
	"context"
	"fmt"

	"rapport/internal/consent"
)

// Gone is somebody who is erased, as what was written down beside the log knows
// them.
type Gone struct {
	IDs      map[string]bool // own ids of all identifiers, as they were before
	Mentions *consent.Mentions
}

// Rewritten says what of them was taken out of there.
type Rewritten struct {
	Files int `json:"files" doc:"Files of the lake that were written anew"`
	Rows  int `json:"rows" doc:"Rows of the lake that were removed"`
	Cells int `json:"cells" doc:"Values in rows about other people that were removed"`
}

// rewrite takes the person out of what was written down beside the log. By now
// the state knows nothing any more, so nothing can be added.
func (e *eraser) rewrite(ctx context.Context) error {
	if e.p.rewrite == nil {
		return nil
	}
	gone := Gone{IDs: map[string]bool{}, Mentions: e.mentions}
	for k := range e.keys {
		for n := range e.p.erased.Load().Generation(k) {
			gone.IDs[e.p.cipher.idOf(k, n)] = true
		}
	}
	done, err := e.p.rewrite(ctx, gone)
	if err != nil {
		return fmt.Errorf("rewrite the lake: %w", err)
	}
	e.plan.Proof.Lake.Files += done.Files
	e.plan.Proof.Lake.Rows += done.Rows
	e.plan.Proof.Lake.Cells += done.Cells
	return nil
}
