package sitecore

import (
	"net/http"
	"net/url"

	"rapport/internal/clock"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// post takes an event from the body.
func (d *Door) post(w http.ResponseWriter, r *http.Request) {
	now := d.Now.Now()
	raw, err := dialect.ReadBody(r, MaxEvent, tooLarge)
	if fault.KindOf(err) == fault.Unavailable { // it did not come whole
		refuse(w, r, err)
		return
	}
	d.take(w, r, now, raw, err)
}

// get takes an event from the query, as scripts send it.
func (d *Door) get(w http.ResponseWriter, r *http.Request) {
	now := d.Now.Now()
	message := r.URL.Query().Get("message")
	if len(message) > MaxEvent {
		d.take(w, r, now, nil, tooLarge(MaxEvent))
		return
	}
	d.take(w, r, now, []byte(message), nil)
}

// take hands one event over and answers. unread says why there is no body.
func (d *Door) take(w http.ResponseWriter, r *http.Request, now clock.Instant, raw []byte, unread error) {
	var root jsondoc.Value
	if unread == nil {
		doc, err := jsondoc.Parse(raw, jsondoc.DefaultLimits())
		if err != nil {
			unread = fault.Errorf(fault.Invalid, "invalid_json", "the event is not JSON: %s", err.Error())
		} else {
			root = doc.Root()
		}
	}
	q := r.URL.Query()
	key, source, err := d.tenantOf(q, r, root)
	if err != nil {
		refuse(w, r, err)
		return
	}
	sub := &pipeline.Submission{Received: now}
	env := d.envelope(r, source, now)
	env.Shared = sharedOf(q.Get("siteId"), r.Header)
	var failed error
	switch {
	case unread != nil:
		code, _ := said(unread)
		sub.Rejected, failed = []store.Count{{Reason: code, N: 1}}, unread
	default:
		failed = d.arrive(sub, env, root)
	}
	sub.Bring(source.Key, source.WriteKey)
	receipt, err := d.Accept.Accept(r.Context(), sub)
	if err != nil {
		refuse(w, r, err)
		return
	}
	dialect.Await(w, r, d.Accept, receipt)
	if failed != nil {
		refuse(w, r, failed)
		return
	}
	answer(w, r, http.StatusCreated, append(appendOK(key, env.MessageID), '}'))
}

// arrive maps a body into a submission, or keeps it as a dead letter and says
// why.
func (d *Door) arrive(sub *pipeline.Submission, env event.Envelope, root jsondoc.Value) error {
	e := new(event.Event)
	rules := d.Book.Current()
	env.Rules = rules.Version
	if err := (&mapper{rules}).fill(e, &env, root); err != nil {
		code, message := said(err)
		sub.Dead = append(sub.Dead, pipeline.DeadLetter{Envelope: env, Body: root.Raw(), Reason: code, Message: message})
		return err
	}
	sub.Events = append(sub.Events, pipeline.Arrival{Envelope: env, Event: e})
	return nil
}

var errClientKey = fault.Errorf(fault.Unauthenticated, "invalid_client_key",
	"the client key or context id is not known here; take a write key from the sources of this instance")

// tenant finds the source that a request is for: by the context id of newer
// clients, by the client key of the address or by that of the event. The key it
// gives back is the client key, which newer clients leave empty.
func (d *Door) tenant(r *http.Request, root jsondoc.Value) (key string, s Source, err error) {
	return d.tenantOf(r.URL.Query(), r, root)
}

func (d *Door) tenantOf(q url.Values, r *http.Request, root jsondoc.Value) (key string, s Source, err error) {
	key = q.Get("client_key")
	if key == "" {
		key = root.Get("client_key").Text()
	}
	for _, candidate := range [...]string{q.Get("sitecoreContextId"), r.Header.Get("X-Sitecore-Contextid"), key} {
		if candidate == "" {
			continue
		}
		if s, ok := d.Keys.SourceByWriteKey(candidate); ok {
			return key, s, dialect.MayCome(r, s.Origins)
		}
		return key, s, errClientKey
	}
	return key, s, errClientKey
}

// envelope is what is kept of a request beside its event.
func (d *Door) envelope(r *http.Request, s Source, now clock.Instant) event.Envelope {
	env := event.Envelope{
		Dialect: Dialect, Source: s.Key, Verified: s.Verified, Historical: s.Historical,
		Received: now, UserAgent: dialect.UserAgent(r), MessageID: d.newID(),
	}
	if dialect.FromBrowser(r) {
		env.IP = dialect.CallerIP(r, d.ClientIP)
	}
	return env
}

// sharedOf is what a request says beside its event: the site, and the signals
// of the browser.
func sharedOf(site string, h http.Header) []byte {
	var b []byte
	if site != "" && len(site) <= maxPage {
		b = appendMember(b, "site", jsondoc.AppendString(nil, site))
	}
	for _, signal := range [...][2]string{{"dnt", "Dnt"}, {"gpc", "Sec-Gpc"}} {
		if v := h[signal[1]]; len(v) == 1 && v[0] == "1" {
			b = appendMember(b, signal[0], []byte("true"))
		}
	}
	return closed(b)
}

func (d *Door) newID() string {
	var random [16]byte
	d.Random(random[:])
	return id.UUID(random)
}

func tooLarge(most int) error {
	return fault.Errorf(fault.TooLarge, "event_too_large", "the body is longer than %d bytes", most)
}
