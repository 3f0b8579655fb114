package nats

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rapport/internal/destination"
)

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	waiting := make([]jetstream.PubAckFuture, len(batch))
	l, err := s.connect(ctx)
	for i := range batch {
		if !json.Valid(batch[i].Payload) {
			out[i] = destination.NoJSON()
			continue
		}
		m, bad := s.publication(&batch[i])
		if bad != nil {
			out[i] = *bad
			continue
		}
		out[i].Request = s.mask.Show(append([]byte(m.Subject+" "), m.Data...))
		one := err
		if one == nil {
			waiting[i], one = l.js.PublishMsgAsync(m, jetstream.WithMsgID(batch[i].ID), jetstream.WithRetryAttempts(1))
		}
		if one != nil {
			s.failed(ctx, &out[i], one)
		}
	}
	lost := false
	for i, w := range waiting {
		if w == nil {
			continue
		}
		lost = s.await(ctx, w, &out[i]) || lost
	}
	if lost {
		s.lose(l)
	}
	return out
}

func (s *sink) publication(m *destination.Message) (*nats.Msg, *destination.Result) {
	subject, bad := s.subjectOf(m)
	if bad != nil {
		return nil, bad
	}
	out := nats.NewMsg(subject)
	out.Data = m.Payload
	out.Header.Set("Rapport-Kind", string(m.Kind))
	out.Header.Set("Rapport-Time", m.Time.UTC().Format(time.RFC3339Nano))
	if m.Person != "" {
		out.Header.Set("Rapport-Person", m.Person)
	}
	return out, nil
}

// await waits for the stream's word and tells whether the line is lost.
func (s *sink) await(ctx context.Context, w jetstream.PubAckFuture, r *destination.Result) (lost bool) {
	select {
	case ack := <-w.Ok():
		r.Outcome = destination.Delivered
		if b, err := json.Marshal(ack); err == nil {
			r.Answer = b
		}
		return false
	case err := <-w.Err():
		s.failed(ctx, r, err)
		_, said := errors.AsType[*jetstream.APIError](err)
		return !said && !errors.Is(err, jetstream.ErrNoStreamResponse)
	case <-ctx.Done():
		s.failed(ctx, r, ctx.Err())
		return true
	}
}

// tooLarge are codes of JetStream that are about the message itself.
const tooLarge = 10054

func (s *sink) failed(ctx context.Context, r *destination.Result, err error) {
	r.Outcome = destination.Retry
	var refused interface{ Refused() bool }
	said, ok := errors.AsType[*jetstream.APIError](err)
	switch {
	case errors.As(err, &refused) && refused.Refused():
		r.Outcome, r.Reason = destination.Refused, err.Error()
	case ok:
		r.Status, r.Answer = said.Code, s.mask.Show([]byte(said.Description))
		r.Reason = "JetStream answers " + said.Description
		if int(said.ErrorCode) == tooLarge {
			r.Outcome = destination.Refused
		}
	case errors.Is(err, nats.ErrMaxPayload):
		r.Outcome, r.Reason = destination.Refused, "the payload is larger than the server takes"
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		r.Reason = "no stream takes the subject: make one, or write another subject"
	case errors.Is(err, nats.ErrAuthorization), strings.Contains(err.Error(), "uthorization"):
		r.Reason = "the server does not let it in: check user, token or credentials"
	case errors.Is(err, nats.ErrTimeout):
		r.Reason = "there is no answer in time"
	default:
		r.Reason = destination.Unreachable(ctx, err)
	}
}
