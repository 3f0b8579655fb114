package app

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"sync"

	"rapport/internal/alert"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/disk"
	"rapport/internal/health"
)

// alertsFile keeps what alerts said and what of them stands.
const alertsFile = "alerts.json"

// alarms tells people of what is wrong with the instance.
type alarms struct {
	app *App
	mu  sync.Mutex
	// book is what was said, rules what is told of whom, of is the index they were
	// read from.
	book  *alert.Book
	rules []*alert.Rule
	of    *definition.Index
	// wake has room for one: something is to be sent.
	wake chan struct{}
}

func (a *App) openAlarms() {
	a.alarms = &alarms{app: a, book: alert.New(), wake: make(chan struct{}, 1)}
	text, err := disk.ReadFile(a.config.Files, a.config.Path(alertsFile))
	if err == nil {
		err = a.alarms.book.Remember(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.parts.Log.Warn("what alerts said is forgotten", "error", err)
	}
}

// look holds a report against the alerts that are live.
func (l *alarms) look(h *health.HealthReport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read()
	l.book.Look(l.rules, h)
	l.keep()
	l.nudge()
}

// nudge lets what waits be sent. The caller holds the lock.
func (l *alarms) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// read takes the live alerts over where definitions changed. One that cannot be
// read, which the API would not have taken, is left out.
func (l *alarms) read() {
	index := l.app.pipeline.Definitions()
	if index == l.of {
		return
	}
	var rules []*alert.Rule
	for _, s := range index.List(definition.Alert) {
		v := s.Live()
		if v == nil {
			continue
		}
		d, err := l.app.pipeline.Definition(context.Background(), v.Kind, v.Key, v.Version)
		var r *alert.Rule
		if err == nil {
			r, err = alert.Read(v.Key, d.Document)
		}
		if err != nil {
			l.app.parts.Log.Error("alert cannot be read", "alert", v.Key, "error", err)
			continue
		}
		rules = append(rules, r)
	}
	l.rules, l.of = rules, index
}

func (l *alarms) keep() {
	text, err := l.book.Keep()
	if err == nil && text != nil {
		err = disk.WriteFile(l.app.config.Files, l.app.config.Path(alertsFile), text)
	}
	if err != nil {
		l.app.parts.Log.Warn("what alerts said is not written down", "error", err)
	}
}

// tell sends what waits, for as long as the instance runs.
func (l *alarms) tell() {
	ctx, cancel := l.app.untilStop()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for l.tellDue(ctx) {
		}
	}
}

// tellDue sends what is due, each destination by itself, and tells whether there
// was any.
func (l *alarms) tellDue(ctx context.Context) bool {
	l.mu.Lock()
	due := l.book.Due(l.app.parts.Clock.Now())
	l.mu.Unlock()
	if len(due) == 0 || ctx.Err() != nil {
		return false
	}
	var sent sync.WaitGroup
	for _, s := range due {
		sent.Go(func() { l.send(ctx, &s) })
	}
	sent.Wait()
	return true
}

func (l *alarms) send(ctx context.Context, s *alert.Sending) {
	said := s.SaidAlert
	said.Told = nil // whom else it goes to is none of theirs
	text, err := json.Marshal(said)
	r := destination.Result{Outcome: destination.Refused}
	if err != nil {
		r.Reason = err.Error()
	} else {
		r = l.app.outbox.SendAlert(ctx, s.Destination, s.ID, s.Time.Time(), text)
	}
	if ctx.Err() != nil {
		return // it is cut off, and sent again after the next start
	}
	outcome := map[destination.Outcome]string{
		destination.Delivered: alert.Delivered, destination.Retry: alert.Waiting, destination.Refused: alert.Refused,
	}[r.Outcome]
	if outcome != alert.Delivered {
		l.app.parts.Log.Warn("an alert was not taken", "alert", s.Alert, "destination", s.Destination, "outcome", outcome, "reason", r.Reason)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Done(s.ID, s.Destination, alert.Result{Outcome: outcome, Reason: r.Reason, After: r.RetryAfter}, l.app.parts.Clock.Now())
	l.keep()
}

// Check tells what is wrong with an alert's document.
func (l *alarms) Check(ctx context.Context, key string, document []byte) error {
	r, err := alert.Read(key, document)
	if err != nil {
		return err
	}
	for _, to := range r.SendTo {
		if err := l.app.outbox.CheckAlertTo(ctx, to); err != nil {
			return err
		}
	}
	return nil
}

// Test tells everybody whom an alert names that it is tried. What comes of it is
// in the history.
func (l *alarms) Test(key string, document []byte) (alert.SaidAlert, error) {
	r, err := alert.Read(key, document)
	if err != nil {
		return alert.SaidAlert{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.book.Test(r, l.app.parts.Clock.Now())
	l.keep()
	l.nudge()
	return said, nil
}

// Standing is what is so now: it is looked for anew.
func (l *alarms) Standing(ctx context.Context) []alert.StandingAlert {
	r := l.app.physician.Report(ctx)
	l.look(&r)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book.Standing()
}

// Said is the history, the newest first.
func (l *alarms) Said() []alert.SaidAlert {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book.Said()
}
