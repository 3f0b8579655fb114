package httpapi

import (
	"context"

	"rapport/internal/broadcast"
	"rapport/internal/fault"
	"rapport/internal/outbox"
	"rapport/internal/schedule"
)

// fakeBroadcasts takes whatever can be read and sends nothing.
type fakeBroadcasts struct{}

func (fakeBroadcasts) CheckBroadcast(_ context.Context, _ string, document []byte) error {
	_, err := broadcast.Read(document)
	return err
}

func (fakeBroadcasts) TellBroadcast(_ context.Context, key string, _ int, _, _ string) error {
	if key == "" {
		return fault.Errorf(fault.NotFound, "broadcast_not_found", "there is no broadcast %q", key)
	}
	return nil
}

func (fakeBroadcasts) DueBroadcast(context.Context, string) (schedule.Request, bool, error) {
	return schedule.Request{}, false, nil
}

func (fakeBroadcasts) TestBroadcast(context.Context, string, int, *outbox.BroadcastTrial) (*outbox.BroadcastShown, error) {
	return &outbox.BroadcastShown{}, nil
}

func (fakeBroadcasts) StandingOf(context.Context, string) (*outbox.BroadcastStanding, error) {
	return &outbox.BroadcastStanding{}, nil
}

func (fakeBroadcasts) ReportOf(context.Context, string) (*outbox.BroadcastReport, error) {
	return &outbox.BroadcastReport{}, nil
}

func (fakeBroadcasts) ShowBroadcast(context.Context, string, int, *outbox.BroadcastTrial) (*outbox.BroadcastShown, error) {
	return &outbox.BroadcastShown{}, nil
}

func (fakeBroadcasts) AudienceOf(context.Context, string, int, string) (*outbox.BroadcastAudience, error) {
	return &outbox.BroadcastAudience{}, nil
}

func (fakeBroadcasts) PreviewMessage(context.Context, *outbox.MessageTrial) (*outbox.MessageShown, error) {
	return &outbox.MessageShown{}, nil
}
