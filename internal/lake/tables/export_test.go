package tables

import "context"

// Step brings the tables up to date once.
func (t *Tables) Step(ctx context.Context) error { return t.step(ctx) }

// Drop lets go of the events that wait, as when there are too many.
func (t *Tables) Drop() { t.tap.drop() }

// Kill ends them as a loss of power would.
func (t *Tables) Kill() { t.closePool() }

// CleanJSON is a document that jsonb takes.
func CleanJSON(doc string) string { return cleanJSON(doc) }
