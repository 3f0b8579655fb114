package sitecore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// People is what the door asks about people. Errors are faults where the
// caller can do something about them.
type People interface {
	Profile(ctx context.Context, ref string, o pipeline.ProfileOptions) (*profile.View, error)
	// Known gives for each identifier who is known by it; nil for nobody.
	Known(ctx context.Context, records [][]event.Identifier) ([][]*profile.View, error)
	Timeline(ctx context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error)
	People(ctx context.Context, cursor string, limit int) (pipeline.Page[string], error)
	// PersonOrders gives the ids of a person's orders, sorted.
	PersonOrders(ctx context.Context, ref string) ([]string, error)
	// Erase forgets a person; it returns when that is asked for durably.
	Erase(ctx context.Context, ref, author string) error
}

// Orders keeps orders.
type Orders interface {
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	Change(ctx context.Context, c pipeline.Command) (pipeline.Outcome, error)
}

// call is one request of the Interactive or Batch API, from somebody we know.
type call struct {
	*http.Request
	door   *Door
	caller Caller
	source Source
	body   jsondoc.Value
	query  url.Values
}

// reply is what a call comes to.
type reply struct {
	status int
	body   any // nil: none
}

// serve wraps a handler of the Interactive or Batch API.
func (d *Door) serve(write bool, handle func(*call) (reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := d.authorise(r, write)
		if err == nil {
			err = c.read()
		}
		var out reply
		if err == nil {
			out, err = handle(c)
		}
		if err != nil {
			if statusOf(err) == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Basic realm="client key and API token"`)
			}
			status := statusOf(err)
			if code, _ := said(err); code == "unsupported_media_type" {
				status = http.StatusUnsupportedMediaType
			}
			answerError(w, err, status)
			return
		}
		if out.body == nil {
			w.WriteHeader(out.status)
			return
		}
		text, err := json.Marshal(out.body)
		if err != nil {
			answerError(w, fmt.Errorf("encoding the answer: %w", err), http.StatusInternalServerError)
			return
		}
		w.Header()["Content-Type"] = jsonType
		w.WriteHeader(out.status)
		_, _ = w.Write(text) // a client that is gone needs no answer
	}
}

// authorise finds who asks. Basic has the client key and the API token, which are a
// write key and a secret key of this instance; Bearer has a token for a secret key
// alone, or the key: what comes so is of the instance's own API, as no source is named.
func (d *Door) authorise(r *http.Request, write bool) (*call, error) {
	c := &call{Request: r, door: d, query: r.URL.Query()}
	var known, may bool
	if key, token, ok := r.BasicAuth(); ok {
		if c.source, known = d.Keys.SourceByWriteKey(key); known {
			c.caller, may = d.Keys.Secret(token, r.RemoteAddr)
		}
	} else if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		c.caller, may = d.Keys.Secret(strings.TrimSpace(token), r.RemoteAddr)
		known, c.source = may, Source{Key: d.OwnSource}
	} else {
		return nil, fault.Errorf(fault.Unauthenticated, "no_credentials", "send Authorization: Basic with the client key as user and a secret key as password, or Bearer and an access token")
	}
	switch {
	case !known || !may:
		return nil, fault.Errorf(fault.Unauthenticated, "invalid_credentials", "the client key, the API token or the access token is not known here, or it has ended")
	case write && !c.caller.Write || !c.caller.Read:
		return nil, fault.Errorf(fault.Forbidden, "missing_scope", "the key %s may not do this: use one with the scopes read and write", c.caller.ID)
	}
	c.source.Verified = true // who has a secret key vouches for what it says
	return c, nil
}

// read reads the JSON object of a request that has a body.
func (c *call) read() error {
	if c.Method != http.MethodPost && c.Method != http.MethodPut && c.Method != http.MethodPatch {
		return nil
	}
	if kind := c.Header.Get("Content-Type"); kind != "" && !strings.Contains(kind, "json") {
		return fault.Errorf(fault.Invalid, "unsupported_media_type", "the body is %.60q; send application/json", kind)
	}
	raw, err := dialect.ReadBody(c.Request, MaxRequest, tooLarge)
	if err != nil {
		return err
	}
	doc, err := jsondoc.Parse(raw, jsondoc.DefaultLimits())
	if err != nil {
		return fault.Errorf(fault.Invalid, "invalid_json", "the body is not JSON: %s", err.Error())
	}
	c.body = doc.Root()
	if c.body.Kind() != jsondoc.Object {
		return fault.Errorf(fault.Invalid, "invalid_json", "the body is of the kind %s; send an object", c.body.Kind())
	}
	if flaw, ok := c.body.Flaw(); ok {
		return fault.Errorf(fault.Invalid, flaw.Kind.String(), "byte %d of the body: %s", flaw.Offset, flaw.Msg)
	}
	return nil
}

// href is the address of something, as the caller reaches us.
func (c *call) href(path string) string {
	scheme := "http"
	if c.TLS != nil || c.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + c.Host + path
}

// version is v2 or v2.1, as the address says.
func (c *call) version() string {
	version, _, _ := strings.Cut(c.URL.Path[1:], "/")
	return version
}

// The sizes of pages, and how far into a list one may go.
const (
	defaultPage = 10
	largestPage = 100
	deepest     = 10_000
)

// paging is the part of a list that is asked for.
type paging struct {
	offset, limit int
	expand        bool
	sort          []order
}

func (c *call) paging() (p paging, err error) {
	p.limit = defaultPage
	for _, n := range [...]struct {
		name     string
		into     *int
		from, to int
	}{{"offset", &p.offset, 0, deepest}, {"limit", &p.limit, 1, largestPage}} {
		text := c.query.Get(n.name)
		if text == "" {
			continue
		}
		if *n.into, err = strconv.Atoi(text); err != nil || *n.into < n.from || *n.into > n.to {
			return p, fault.Errorf(fault.Invalid, "invalid_"+n.name, "%s is %.20q; send a number from %d to %d", n.name, text, n.from, n.to)
		}
	}
	p.expand = strings.HasPrefix(c.query.Get("expand"), "true") || strings.HasPrefix(c.query.Get("expand"), "items")
	for key := range strings.SplitSeq(c.query.Get("sort"), "|") {
		if key == "" {
			continue
		}
		name, direction, _ := strings.Cut(key, "::")
		if direction != "" && direction != "ASC" && direction != "DESC" {
			return p, fault.Errorf(fault.Invalid, "invalid_sort", "sort is %.60q; send name::ASC or name::DESC, several with |", key)
		}
		p.sort = append(p.sort, order{name, direction == "DESC"})
	}
	return p, nil
}

// item is one thing of a list.
type item map[string]any

// collection shows a part of a list. total is how long it is, -1 where that is
// not known; more tells then that it goes on.
func (c *call) collection(items []item, p paging, total int, more bool) item {
	at := func(offset int) item {
		q := url.Values{}
		for name, values := range c.query {
			if name != "offset" && name != "limit" {
				q[name] = values
			}
		}
		q.Set("offset", strconv.Itoa(offset))
		q.Set("limit", strconv.Itoa(p.limit))
		return item{"href": c.href(c.URL.EscapedPath() + "?" + q.Encode())}
	}
	if !p.expand {
		for i := range items {
			items[i] = item{"href": items[i]["href"]}
		}
	}
	out := item{"href": c.href(c.URL.RequestURI()), "offset": p.offset, "limit": p.limit, "first": at(0), "items": items}
	if total >= 0 {
		more = p.offset+len(items) < total
		out["last"] = at(max(total-1, 0) / p.limit * p.limit)
	}
	if more {
		out["next"] = at(p.offset + p.limit)
	}
	if p.offset > 0 {
		out["previous"] = at(max(p.offset-p.limit, 0))
	}
	return out
}

// page sorts a whole list and gives the part that is asked for.
func (c *call) page(items []item, p paging) item {
	sortItems(items, p.sort)
	total := len(items)
	items = items[min(p.offset, total):min(p.offset+p.limit, total)]
	return c.collection(items, p, total, false)
}

// write hands an event of a guest over and waits until it can be read.
func (c *call) write(body jsondoc.Value, shared *guestShared) error {
	now := c.door.Now.Now()
	sub := &pipeline.Submission{Received: now}
	env := event.Envelope{
		Dialect: Dialect, Source: c.source.Key, Verified: true, Historical: c.source.Historical,
		Received: now, MessageID: c.door.newID(), Shared: shared.encode(),
	}
	if err := c.door.arrive(sub, env, body); err != nil {
		return err // it was told; nobody else needs to see it
	}
	if c.source.WriteKey != "" {
		sub.Bring(c.source.Key, c.source.WriteKey)
	}
	receipt, err := c.door.Accept.Accept(c.Context(), sub)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), dialect.DefaultWait)
	defer cancel()
	return c.door.Accept.WaitApplied(ctx, receipt)
}
