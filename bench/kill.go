package main

import (
	"context"
	"errors"
	"time"

	"rapport/bench/load"
)

// killUnderLoad sends at full rate and kills the server in the middle, once it
// has taken a good part of what is sent.
func (b *bench) killUnderLoad(ctx context.Context, s *server) error {
	before, err := s.accounting(ctx)
	if err != nil {
		return err
	}
	job := b.job(s)
	ended := make(chan error, 1)
	go func() {
		_, err := load.Run(ctx, job)
		ended <- err
	}()
	for {
		a, err := s.accounting(ctx)
		if err != nil {
			return err
		}
		if a.Received-before.Received > int64(job.Events/2) {
			break
		}
		if err := s.pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	s.kill()
	if err := <-ended; err == nil {
		return errors.New("the load ended before the server was killed: raise -events")
	}
	return nil
}
