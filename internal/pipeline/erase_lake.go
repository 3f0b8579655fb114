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

// Recalled says what of them was taken out of files that destinations wrote.
type Recalled struct {
	Files int `json:"files" doc:"Files that destinations wrote on this server and that were written anew or removed"`
	Rows  int `json:"rows" doc:"Rows of these files that were removed"`
	// Elsewhere are destinations whose files are out of reach.
	Elsewhere []string `json:"elsewhere" nullable:"false" doc:"Destinations that wrote files into a bucket, with its place: these files were handed over and may hold the person"`
}

// gone is the person as what lies beside the log knows them.
func (e *eraser) gone() Gone {
	gone := Gone{IDs: map[string]bool{}, Mentions: e.mentions}
	for k := range e.keys {
		for n := range e.p.erased.Load().Generation(k) {
			gone.IDs[e.p.cipher.idOf(k, n)] = true
		}
	}
	return gone
}

// rewrite takes the person out of what was written down beside the log. By now
// the state knows nothing any more, so nothing can be added.
func (e *eraser) rewrite(ctx context.Context) error {
	if e.p.rewrite == nil {
		return nil
	}
	done, err := e.p.rewrite(ctx, e.gone())
	if err != nil {
		return fmt.Errorf("rewrite the lake: %w", err)
	}
	e.plan.Proof.Lake.Files += done.Files
	e.plan.Proof.Lake.Rows += done.Rows
	e.plan.Proof.Lake.Cells += done.Cells
	return nil
}

// takeBack takes the person out of what was written for others to fetch.
func (e *eraser) takeBack(ctx context.Context) error {
	proof := &e.plan.Proof.Delivered
	proof.Elsewhere = []string{}
	if e.p.recall == nil {
		return nil
	}
	done, err := e.p.recall(ctx, e.gone())
	if err != nil {
		return fmt.Errorf("take back what was delivered: %w", err)
	}
	proof.Files, proof.Rows = proof.Files+done.Files, proof.Rows+done.Rows
	proof.Elsewhere = append(proof.Elsewhere, done.Elsewhere...)
	return nil
}
