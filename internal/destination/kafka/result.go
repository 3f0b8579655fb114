package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"rapport/internal/destination"
)

// result says what an error of the producer means for a message.
func (s *sink) result(ctx context.Context, m *destination.Message, err error) destination.Result {
	r := destination.Result{Outcome: destination.Delivered, Request: s.mask.Show(append([]byte(s.Topic+" "), m.Payload...))}
	if err == nil {
		return r
	}
	r.Outcome = destination.Retry
	var refused interface{ Refused() bool }
	said, ok := errors.AsType[*kerr.Error](err)
	switch {
	case errors.As(err, &refused) && refused.Refused():
		r.Outcome, r.Reason = destination.Refused, err.Error()
	case !ok || ctx.Err() != nil || errors.Is(err, kgo.ErrClientClosed):
		r.Reason = destination.Unreachable(ctx, err)
	default:
		r.Status = int(said.Code)
		r.Answer = s.mask.Show([]byte(said.Message))
		r.Reason = "Kafka answers " + said.Message + ": " + said.Description
		if tooMuch(said) {
			r.Outcome = destination.Refused
		}
	}
	return r
}

// tooMuch tells an error of the record itself.
func tooMuch(err *kerr.Error) bool {
	for _, e := range []*kerr.Error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp} {
		if err.Code == e.Code {
			return true
		}
	}
	return false
}
