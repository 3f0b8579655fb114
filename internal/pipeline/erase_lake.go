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

// Delisted says what of them was taken out of tables for analysts.
type Delisted struct {
	Rows  int `json:"rows" doc:"Rows of the tables for analysts that were removed"`
	Cells int `json:"cells" doc:"Values in rows about other people that were removed"`
}

// Recalled says what of them was taken out of files that destinations wrote.
type Recalled struct {
	Files int `json:"files" doc:"Files that destinations wrote on this server and into buckets and that were written anew or removed"`
	Rows  int `json:"rows" doc:"Rows of these files that were removed"`
	// Buckets are those that were searched to their end.
	Buckets []string `json:"buckets" nullable:"false" doc:"Destinations that wrote files into a bucket, with its place, whose files there were searched"`
	// Elsewhere are destinations whose files are out of reach.
	Elsewhere []string `json:"elsewhere" nullable:"false" doc:"Destinations that wrote files into a bucket that is out of reach, with its place and the reason: these files may hold the person"`
}

// Recalling is how far taking back has come.
type Recalling struct {
	*Recalled
	// Behind are the files behind which it goes on, by place.
	Behind map[string]string
	// Save makes it outlive a crash.
	Save func(ctx context.Context) error
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
	proof := &e.plan.Proof
	if e.p.rewrite != nil {
		done, err := e.p.rewrite(ctx, e.gone())
		if err != nil {
			return fmt.Errorf("rewrite the lake: %w", err)
		}
		proof.Lake.Files += done.Files
		proof.Lake.Rows += done.Rows
		proof.Lake.Cells += done.Cells
	}
	if e.p.delist != nil {
		done, err := e.p.delist(ctx, e.gone())
		if err != nil {
			return fmt.Errorf("take somebody out of the tables for analysts: %w", err)
		}
		proof.Tables.Rows += done.Rows
		proof.Tables.Cells += done.Cells
	}
	return nil
}

// takeBack takes the person out of what was written for others to fetch. After a
// crash it goes on where it was: nobody has written of the person since.
func (e *eraser) takeBack(ctx context.Context) error {
	proof := &e.plan.Proof.Delivered
	proof.Buckets, proof.Elsewhere = append([]string{}, proof.Buckets...), []string{}
	if e.p.recall == nil {
		return nil
	}
	if e.plan.Behind == nil {
		e.plan.Behind = map[string]string{}
	}
	if err := e.p.recall(ctx, e.gone(), &Recalling{proof, e.plan.Behind, e.save}); err != nil {
		return fmt.Errorf("take back what was delivered: %w", err)
	}
	return nil
}
