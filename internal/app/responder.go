package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"rapport/internal/dialect/decide"
	"rapport/internal/pipeline"
	"rapport/internal/profile/shown"
	"rapport/internal/responder"
)

// openResponder lets decisions be asked for and written down.
func (a *App) openResponder(instanceKey [16]byte) error {
	key, err := hkdf.Key(sha256.New, instanceKey[:], nil, "previews of experiences", 32)
	if err != nil {
		return fmt.Errorf("deriving the key of previews: %w", err)
	}
	tell := &tracker{a, a.tracked}
	a.responder = responder.New(responder.Deps{
		Spine: a.pipeline, Model: a.decider, Clock: a.parts.Clock, Random: a.parts.fill, Key: key, Log: a.parts.Log,
		Tell: func(ctx context.Context, bodies [][]byte) (pipeline.Receipt, error) {
			failed, receipt, err := tell.Track(ctx, shown.Source, bodies)
			for _, f := range failed {
				if err == nil && f != nil {
					a.parts.Log.Error("a decision was refused", "error", f)
				}
			}
			return receipt, err
		},
		TellTaken: func(ctx context.Context, body []byte, taken []*pipeline.Reservation) (pipeline.Receipt, error) {
			made, err := tell.Read(shown.Source, body)
			if err != nil {
				return pipeline.Receipt{}, err
			}
			return a.pipeline.Accept(ctx, &pipeline.Submission{Received: made.Envelope.Received, Events: []pipeline.Arrival{*made}, Taken: taken})
		},
	})
	a.responder.Start()
	return nil
}

func (a *App) decideDoor() *decide.Door {
	return decide.New(decide.Config{Decide: a.responder, Assign: assigning{a.assigner, a.pipeline}, Keys: callers{a.access}, Rules: today{a.pipeline}})
}
