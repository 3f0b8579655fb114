package evergage

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// People answers what secret keys ask of profiles. Errors are faults.
type People interface {
	Profile(ctx context.Context, ref string, o pipeline.ProfileOptions) (*profile.View, error)
	Timeline(ctx context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error)
	PersonSegments(ctx context.Context, ref, key string) (*pipeline.PersonSegments, error)
	SegmentMembers(ctx context.Context, key, cursor string, limit int) (pipeline.Page[pipeline.SegmentMember], error)
	Entity(ctx context.Context, kind catalog.Kind, id string) (pipeline.Stored, error)
	// Erase asks for the people to be erased, and gives the id of the request.
	// All that belongs to them is found from the references.
	Erase(ctx context.Context, refs []string, author string) (request string, err error)
}

// The bounds of an answer.
const (
	maxDeleted  = 10_000
	maxErased   = 100 // of one privacy request
	defaultPage = 100
	maxPage     = 1_000
)

// asked checks the key and the dataset of a request about people.
func (d *Door) asked(r *http.Request, to route, scope string) (Secret, error) {
	key, err := d.authenticate(r, scope)
	if err != nil {
		return key, err
	}
	if d.People == nil {
		return key, fault.Errorf(fault.NotFound, "not_found", "no such address %s", r.URL.Path)
	}
	_, err = d.source(r, to.dataset)
	return key, err
}

// exportUser gives a unified customer profile.
func (d *Door) exportUser(w http.ResponseWriter, r *http.Request, to route) {
	_, err := d.asked(r, to, access.ScopeRead)
	if err != nil {
		answerFault(w, err)
		return
	}
	v, err := d.find(r.Context(), to.rest, pipeline.ProfileOptions{Lineage: true})
	if err != nil {
		answerFault(w, err)
		return
	}
	doc, err := d.customer(r.Context(), v)
	if err != nil {
		answerFault(w, err)
		return
	}
	writeJSON(w, doc)
}

func writeJSON(w http.ResponseWriter, doc any) {
	b, err := json.Marshal(doc)
	if err != nil {
		answerFault(w, fmt.Errorf("writing the answer: %w", err))
		return
	}
	answerJSON(w, http.StatusOK, b)
}

// find finds a person by the names that clients use: a user id, the id of a
// browser, an e-mail address, or an id that an answer gave.
func (d *Door) find(ctx context.Context, user string, o pipeline.ProfileOptions) (*profile.View, error) {
	for _, ref := range []string{
		event.UserID + ":" + user, event.AnonymousID + ":" + user, event.Email + ":" + user, customerID + ":" + user, user,
	} {
		v, err := d.People.Profile(ctx, ref, o)
		switch {
		case err == nil:
			return v, nil
		case fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Invalid:
			return nil, err
		}
	}
	return nil, fault.Errorf(fault.NotFound, "unknown_user", "there is no user %.128q; send a user id, an anonymous id or an e-mail address", user)
}

// deleteUsers erases the users of a list. The answer is the client's text; the
// header names the privacy requests, which say how far it is and hold the proof.
func (d *Door) deleteUsers(w http.ResponseWriter, r *http.Request, to route) {
	key, err := d.asked(r, to, access.ScopeAdmin)
	if err != nil {
		dialect.Drain(r)
		answerFault(w, err)
		return
	}
	names, err := namesOf(r)
	if err != nil {
		answerFault(w, err)
		return
	}
	var refs []string
	for _, name := range names {
		v, err := d.find(r.Context(), name, pipeline.ProfileOptions{})
		switch {
		case fault.KindOf(err) == fault.NotFound && err != nil, fault.KindOf(err) == fault.Gone && err != nil:
		case err != nil:
			answerFault(w, err)
			return
		case !slices.Contains(refs, v.ID):
			refs = append(refs, v.ID)
		}
	}
	var requests []string
	for part := range slices.Chunk(refs, maxErased) {
		request, err := d.People.Erase(r.Context(), part, key.ID)
		if err != nil {
			answerFault(w, err)
			return
		}
		requests = append(requests, request)
	}
	w.Header().Set("Rapport-Privacy-Requests", strings.Join(requests, ", "))
	w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
	_, _ = fmt.Fprintf(w, "Deleted %d users (%d requested)", len(refs), len(names)) // a client that is gone needs no answer
}

// namesOf reads the column name of the file that a form carries.
func namesOf(r *http.Request) ([]string, error) {
	invalid := func(code, format string, args ...any) error {
		return fault.Errorf(fault.Invalid, code, format, args...)
	}
	r.Body = http.MaxBytesReader(nil, r.Body, MaxBody)
	file, _, err := r.FormFile("file")
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.Errorf(fault.TooLarge, "body_too_large", "the file has more than %d bytes; send several", tooLarge.Limit)
	}
	if err != nil {
		return nil, invalid("missing_file", "the form has no field file with a CSV file: %v", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	c := csv.NewReader(io.LimitReader(file, MaxBody))
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	head, err := c.Read()
	if err != nil {
		return nil, invalid("invalid_csv", "the file is not CSV: %v; its first line names the columns", err)
	}
	column := slices.IndexFunc(head, func(s string) bool { return strings.TrimSpace(strings.TrimPrefix(s, "\ufeff")) == "name" })
	if column < 0 {
		return nil, invalid("missing_column", "the first line of the file does not name a column name")
	}
	var names []string
	for {
		row, err := c.Read()
		switch {
		case err == io.EOF:
			return names, nil
		case err != nil:
			return nil, invalid("invalid_csv", "the file is not CSV: %v", err)
		case column >= len(row):
			line, _ := c.FieldPos(0)
			return nil, invalid("invalid_csv", "line %d of the file has no column name", line)
		}
		if name := strings.TrimSpace(row[column]); name != "" {
			names = append(names, name)
		}
		if len(names) > maxDeleted {
			return nil, invalid("too_many_users", "the file names more than %d users; send several", maxDeleted)
		}
	}
}

// member is a user of a segment.
type member struct {
	ID          string `json:"_id"`
	NamedUserID string `json:"namedUserId,omitempty"`
	Joined      int64  `json:"joined"`
}

// listUsers gives the members of a segment, page by page.
func (d *Door) listUsers(w http.ResponseWriter, r *http.Request, to route) {
	if _, err := d.asked(r, to, access.ScopeRead); err != nil {
		answerFault(w, err)
		return
	}
	q := r.URL.Query()
	segment, page, size := q.Get("filter"), number(q.Get("page"), 0, maxDeleted), number(q.Get("pageSize"), defaultPage, maxPage)
	if segment == "" || page < 0 || size < 1 {
		answerFault(w, fault.Errorf(fault.Invalid, "invalid_query", "filter must name a segment, page begin at 0 and pageSize be 1 to %d", maxPage))
		return
	}
	users := []member{}
	cursor, more := "", true
	for at := 0; at <= page && more; at++ {
		p, err := d.People.SegmentMembers(r.Context(), segment, cursor, size)
		if err != nil {
			answerFault(w, err)
			return
		}
		if at == page {
			for _, m := range p.Items {
				users = append(users, member{ID: m.ID, NamedUserID: named(m.Identifiers), Joined: millis(m.Since)})
			}
		}
		cursor, more = p.Next, p.Next != ""
	}
	writeJSON(w, map[string]any{"users": users, "page": page, "pageSize": size, "more": more})
}

// number reads a whole number; -1 is none.
func number(text string, otherwise, most int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return -1
	}
	return n
}

// named is the user id among the identifiers of a person.
func named(ids []profile.IdentifierSeen) string {
	for _, namespace := range [...]string{event.UserID, event.Email} {
		for i := range ids {
			if ids[i].Namespace == namespace {
				return ids[i].Value
			}
		}
	}
	return ""
}
