package evergage

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// event takes an event of the Event API.
func (d *Door) event(w http.ResponseWriter, r *http.Request, to route) {
	if to.trusted {
		if _, err := d.authenticate(r, access.ScopeWrite); err != nil {
			dialect.Drain(r)
			answerFault(w, err)
			return
		}
	}
	source, err := d.source(r, to.dataset)
	if err != nil {
		dialect.Drain(r)
		answerFault(w, err)
		return
	}
	source.Verified = source.Verified || to.trusted
	in := d.intake(r, source, viaEvent)
	raw, err := eventOf(r)
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	body, err := parse(raw)
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	var g *mapping
	if unwanted, _ := body.Path("flags", "doNotTrack").Bool(); unwanted {
		in.reject(doNotTrack, 1)
	} else {
		if g = in.take(body, in.base); g != nil {
			in.statistics(g.body)
		}
	}
	if err := in.handOver(w, r); err != nil {
		answerFault(w, err)
		return
	}
	if err := in.dead(); err != nil && g == nil {
		answerFault(w, err)
		return
	}
	reply(w, g, d.decide(r, in, g, to.trusted))
}

// eventOf finds the JSON of the event in the address or the body.
func eventOf(r *http.Request) ([]byte, error) {
	if r.Method == http.MethodGet {
		text := r.URL.Query().Get("event")
		if text == "" {
			return nil, fault.Errorf(fault.Invalid, "missing_event", "the parameter event is missing; send the event in base64")
		}
		return decode([]byte(text))
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return payload(body)
}

// source finds the source that a dataset, an app source or a connector is.
func (d *Door) source(r *http.Request, dataset string) (Source, error) {
	if s, ok := d.Keys.SourceByDataset(dataset); ok {
		return s, dialect.MayCome(r, s.Origins)
	}
	return Source{}, fault.Errorf(fault.NotFound, "unknown_dataset", "there is no dataset %.128q; give a source a write key of that name, with POST /api/v1/sources/{key}/write-keys", dataset)
}

// authenticate checks the secret key of a request, which comes as id and secret
// (Basic) or alone (Bearer).
func (d *Door) authenticate(r *http.Request, scope string) (Secret, error) {
	var key Secret
	var known bool
	if user, password, ok := r.BasicAuth(); ok {
		key, known = d.Keys.SecretKey(user, password, r.RemoteAddr)
	} else if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") { // RFC 9110: in any case
		key, known = d.Keys.SecretKey("", strings.TrimSpace(token), r.RemoteAddr)
	} else {
		return key, fault.Errorf(fault.Unauthenticated, "no_key", "no key: send the id of a secret key and the key as Basic credentials")
	}
	switch {
	case !known:
		return key, fault.Errorf(fault.Unauthenticated, "unknown_key", "the id and the secret key do not fit: check them, or make a key with rapport keys create")
	case !key.May(scope):
		return key, fault.Errorf(fault.Forbidden, "missing_scope", "the key %s lacks the scope %s: use one that has it", key.ID, scope)
	}
	return key, nil
}

// gif is a transparent image of one pixel.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// receiver takes what the beacon reports beside its events, from the address
// and, where there is one, a form.
func (d *Door) receiver(w http.ResponseWriter, r *http.Request, to route) {
	query, broken := url.ParseQuery(r.URL.RawQuery)
	if r.Method == http.MethodPost {
		body, err := readBody(r)
		if err != nil {
			answerFault(w, err)
			return
		}
		if more, err := url.ParseQuery(string(body)); err == nil {
			for name, values := range more {
				query[name] = append(query[name], values...)
			}
		}
	}
	source, err := d.source(r, query.Get("_ds"))
	if err != nil {
		answerFault(w, err)
		return
	}
	in := d.intake(r, source, viaBeacon)
	if broken != nil {
		in.refuse(w, r, fault.Errorf(fault.Invalid, "invalid_query", "the parameters are not percent-encoded as a form is: %v", broken))
		return
	}
	stats, err := statsOf(to.rest, query)
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	in.cut(stats, func(stat jsondoc.Value) { in.takeReceived(to.rest, query, stat) })
	if err := in.handOver(w, r); err != nil {
		answerFault(w, err)
		return
	}
	if err := in.dead(); err != nil && len(in.sub.Events) == 0 {
		answerFault(w, err)
		return
	}
	h := w.Header()
	h["Cache-Control"] = []string{"no-store"}
	if r.Method == http.MethodGet {
		h.Set("Content-Type", "image/gif")
		_, _ = w.Write(gif) // a client that is gone needs no answer
		return
	}
	w.WriteHeader(http.StatusOK)
}

// takeReceived takes a call to a receiver, or one statistic of it.
func (in *intake) takeReceived(receiver string, query url.Values, stat jsondoc.Value) {
	body, err := parse(received(receiver, query, stat))
	if err != nil {
		in.reject(dialect.Code(err), 1)
		return
	}
	in.take(body, in.base)
}

// statsOf cuts the statistics of campaigns; any other call is one event.
func statsOf(receiver string, query url.Values) ([]jsondoc.Value, error) {
	if receiver != receiverStats {
		return make([]jsondoc.Value, 1), nil
	}
	root, err := parse([]byte(query.Get(".cStat")))
	if err != nil || root.Kind() != jsondoc.Array {
		return nil, fault.Errorf(fault.Invalid, "invalid_statistics", "the parameter .cStat is not a JSON array")
	}
	if n := root.Len(); n > MaxEvents {
		return nil, fault.Errorf(fault.Invalid, "too_many_events", "%d statistics in one call; send at most %d", n, MaxEvents)
	}
	return listed(root), nil
}

// received is the form in which the parameters of a call are kept.
func received(receiver string, query url.Values, stat jsondoc.Value) []byte {
	var w writer
	w.b = append(make([]byte, 0, 512), '{')
	w.text("receiver", receiver)
	m := w.open("query", '{')
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != ".cStat" {
			w.text(name, strings.ToValidUTF8(query.Get(name), "�"))
		}
	}
	w.close(m)
	w.value("stat", stat)
	return append(w.b, '}')
}

// webEvents takes events of Data Cloud's web and app connectors.
func (d *Door) webEvents(w http.ResponseWriter, r *http.Request, to route) {
	source, err := d.source(r, to.dataset)
	if err != nil {
		dialect.Drain(r)
		answerFault(w, err)
		return
	}
	in := d.intake(r, source, viaWeb)
	list, err := listOf(r, "events")
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	lines := linesOf(list)
	list.Items(func(i int, v jsondoc.Value) bool {
		if i == MaxEvents {
			in.reject("too_many_events", list.Len()-MaxEvents)
			return false
		}
		if v.Get("deviceId").Text() == notTracked {
			in.reject(doNotTrack, 1)
			return true
		}
		env := in.base
		if items := lines[v.Get("eventId").Text()]; len(items) > 0 {
			env.Shared = in.sharedWith("", items)
		}
		in.take(v, env)
		return true
	})
	if err := in.handOver(w, r); err != nil {
		answerFault(w, err)
		return
	}
	if err := in.dead(); err != nil && len(in.sub.Events) == 0 {
		answerFault(w, err)
		return
	}
	answerJSON(w, http.StatusOK, []byte(`{"accepted":true}`))
}

// listOf reads a body that is a list under a name, in a form or as JSON.
func listOf(r *http.Request, name string) (jsondoc.Value, error) {
	body, err := readBody(r)
	if err != nil {
		return jsondoc.Value{}, err
	}
	raw, err := payload(body)
	if err != nil {
		return jsondoc.Value{}, err
	}
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{Depth: jsondoc.DefaultLimits().Depth + 2})
	if err != nil {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %s", err.Error())
	}
	list := doc.Root().Get(name)
	if list.Kind() != jsondoc.Array {
		return jsondoc.Value{}, fault.Errorf(fault.Invalid, "missing_"+name, `the body has no %q; send {"%s":[…]}`, name, name).At("/" + name)
	}
	return list, nil
}

// maxItems is how many lines of a cart or an order travel with it.
const maxItems = 1_000

// linesOf finds the lines of carts and orders that are events of their own, by
// the event they belong to.
func linesOf(list jsondoc.Value) map[string][]jsondoc.Value {
	var out map[string][]jsondoc.Value
	list.Items(func(i int, v jsondoc.Value) bool {
		parent := first(v, "cartEventId", "orderEventId").Text()
		if _, flawed := v.Flaw(); parent != "" && !flawed && len(out[parent]) < maxItems {
			if out == nil {
				out = map[string][]jsondoc.Value{}
			}
			out[parent] = append(out[parent], v)
		}
		return i < MaxEvents
	})
	return out
}

// ingest takes rows of an object.
func (d *Door) ingest(w http.ResponseWriter, r *http.Request, to route) {
	in, err := d.rows(w, r, to)
	if in == nil {
		return
	}
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	if err := in.handOver(w, r); err != nil {
		answerFault(w, err)
		return
	}
	answerJSON(w, http.StatusAccepted, []byte(`{"accepted":true}`))
}

// tryIngest says what ingest would say of the rows, and takes none.
func (d *Door) tryIngest(w http.ResponseWriter, r *http.Request, to route) {
	in, err := d.rows(w, r, to)
	if in == nil {
		return
	}
	if err == nil {
		err = in.dead()
	}
	if err != nil {
		answerFault(w, err)
		return
	}
	answerJSON(w, http.StatusOK, []byte(`{"accepted":true}`))
}

// rows reads the rows of a request. It has answered where it gives no intake.
func (d *Door) rows(w http.ResponseWriter, r *http.Request, to route) (*intake, error) {
	_, err := d.authenticate(r, access.ScopeWrite)
	var source Source
	if err == nil {
		source, err = d.source(r, to.dataset)
	}
	if err != nil {
		dialect.Drain(r)
		answerFault(w, err)
		return nil, err
	}
	source.Verified = true
	in := d.intake(r, source, viaIngest)
	in.base.UserAgent, in.base.IP = "", ""
	in.base.Shared = in.sharedWith(to.rest, nil)
	list, err := listOf(r, "data")
	if err != nil {
		return in, err
	}
	list.Items(func(i int, v jsondoc.Value) bool {
		if i == MaxEvents {
			in.reject("too_many_events", list.Len()-MaxEvents)
			return false
		}
		in.take(v, in.base)
		return true
	})
	return in, nil
}
