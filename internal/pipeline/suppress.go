package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// maxSuppressionLists is how many lists there may be.
const maxSuppressionLists = 64

// suppressionChunk is how many contacts one record carries.
const suppressionChunk = 1000

// SuppressionOp is what happens to contacts of a list.
type SuppressionOp string

// The operations. They are on disk.
const (
	SuppressAdd    SuppressionOp = "add"
	SuppressRemove SuppressionOp = "remove"
	suppressPut    SuppressionOp = "put"  // the list itself
	suppressDrop   SuppressionOp = "drop" // with all that is on it
)

// suppressionFact is the payload of KindSuppress. It names nobody.
type suppressionFact struct {
	Op       SuppressionOp           `json:"op"`
	List     consent.SuppressionList `json:"list"`
	Time     clock.Instant           `json:"time"`
	Subjects []consent.Subject       `json:"subjects,omitempty"`
}

// suppressed is who is on which list. It is read for every question that names
// a channel, so all of it is in memory, and rows of people have less of it.
type suppressed struct {
	mu       sync.RWMutex
	lists    map[string]*suppressionList
	contacts atomic.Int64 // on all lists
}

// suppressedBytes is what a contact on a list takes in memory. Maps take 35 to
// 56 bytes for it.
const suppressedBytes = 48

// bytes is what all contacts take.
func (s *suppressed) bytes() int64 { return s.contacts.Load() * suppressedBytes }

type suppressionList struct {
	consent.SuppressionList
	since map[consent.Subject]clock.Instant
}

func newSuppressed() *suppressed { return &suppressed{lists: map[string]*suppressionList{}} }

// suppress applies a fact. What is applied again, after a crash, changes
// nothing: facts come in the order of the log.
func (c *common) suppress(r *store.Record) {
	var f suppressionFact
	if err := json.Unmarshal(r.Payload, &f); err != nil {
		c.log.Error("suppression cannot be read", "position", r.Position, "error", err)
		return
	}
	s := c.suppressed
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[f.List.Key]
	switch {
	case f.Op == suppressPut:
		if l == nil {
			l = &suppressionList{since: map[consent.Subject]clock.Instant{}}
			s.lists[f.List.Key] = l
		}
		l.SuppressionList = f.List
		if value, err := json.Marshal(f.List); err == nil {
			c.rows = append(c.rows, rows.Common(store.TableSuppressed, []byte(f.List.Key), store.Put, value))
		}
	case l == nil: // dropped before
	case f.Op == suppressDrop:
		for subject := range l.since {
			c.rows = append(c.rows, rows.Common(store.TableSuppressed, suppressedKey(l.Key, subject), store.Delete, nil))
		}
		c.rows = append(c.rows, rows.Common(store.TableSuppressed, []byte(l.Key), store.Delete, nil))
		s.contacts.Add(-int64(len(l.since)))
		delete(s.lists, l.Key)
	case f.Op == SuppressAdd:
		for _, subject := range f.Subjects {
			if _, on := l.since[subject]; !on {
				l.since[subject] = f.Time
				s.contacts.Add(1)
				c.rows = append(c.rows, rows.Common(store.TableSuppressed, suppressedKey(l.Key, subject), store.Put, binary.BigEndian.AppendUint64(nil, uint64(f.Time))))
			}
		}
	case f.Op == SuppressRemove:
		for _, subject := range f.Subjects {
			if _, on := l.since[subject]; on {
				delete(l.since, subject)
				s.contacts.Add(-1)
			}
			c.rows = append(c.rows, rows.Common(store.TableSuppressed, suppressedKey(l.Key, subject), store.Delete, nil))
		}
	}
}

func suppressedKey(list string, s consent.Subject) []byte {
	return append(append([]byte(list), 0), s[:]...)
}

// load reads what was committed.
func (s *suppressed) load(ctx context.Context, st store.State) error {
	var bad error
	list := func(key string) *suppressionList {
		if s.lists[key] == nil {
			s.lists[key] = &suppressionList{since: map[consent.Subject]clock.Instant{}}
		}
		return s.lists[key]
	}
	err := st.Scan(ctx, store.Range{Table: store.TableSuppressed, Bucket: id.CommonBucket}, func(key []byte, parts [][]byte) bool {
		value := parts[len(parts)-1]
		name, subject, entry := bytes.Cut(key, []byte{0})
		switch {
		case !entry:
			bad = json.Unmarshal(value, &list(string(name)).SuppressionList)
		case len(subject) == len(consent.Subject{}) && len(value) == 8:
			s.contacts.Add(1)
			list(string(name)).since[consent.Subject(subject)] = clock.Instant(binary.BigEndian.Uint64(value))
		default:
			bad = fmt.Errorf("row %x is damaged", key)
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("load suppression lists: %w", err)
	}
	return nil
}

// on tells which lists a contact is on, by key.
func (s *suppressed) on(subjects []consent.Subject) []SuppressedOn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []SuppressedOn
	for _, key := range slices.Sorted(maps.Keys(s.lists)) {
		l := s.lists[key]
		for _, subject := range subjects {
			if at, on := l.since[subject]; on {
				out = append(out, SuppressedOn{List: l.Key, Channel: l.Channel, Since: at})
				break
			}
		}
	}
	return out
}

// SuppressedBytes is the memory that suppression lists take. It comes out of
// what people's rows have.
func (p *Pipeline) SuppressedBytes() int64 { return p.suppressed.bytes() }

// SuppressedOn is a list that a contact is on.
type SuppressedOn struct {
	List    string        `json:"list"`
	Channel string        `json:"channel,omitempty" doc:"Left out: all channels"`
	Since   clock.Instant `json:"since"`
	Contact string        `json:"contact,omitempty" doc:"Of a profile: which of its addresses or numbers"`
}

// SuppressionView is a list as the API shows it.
type SuppressionView struct {
	consent.SuppressionList
	Entries int `json:"entries" doc:"How many contacts are on it"`
}

// SuppressionLists gives all lists, by key.
func (p *Pipeline) SuppressionLists() []SuppressionView {
	s := p.suppressed
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]SuppressionView, 0, len(s.lists))
	for _, key := range slices.Sorted(maps.Keys(s.lists)) {
		out = append(out, SuppressionView{s.lists[key].SuppressionList, len(s.lists[key].since)})
	}
	return out
}

func (p *Pipeline) suppressionList(key string) (consent.SuppressionList, error) {
	p.suppressed.mu.RLock()
	defer p.suppressed.mu.RUnlock()
	if l := p.suppressed.lists[key]; l != nil {
		return l.SuppressionList, nil
	}
	return consent.SuppressionList{}, fault.Errorf(fault.NotFound, "list_not_found", "there is no suppression list %q: PUT /api/v1/suppressions/%s makes one", key, key)
}

// PutSuppressionList makes a list or says something else of it; made tells
// which.
func (p *Pipeline) PutSuppressionList(ctx context.Context, l consent.SuppressionList) (made bool, r Receipt, err error) {
	if l.Key == "" || len(l.Key) > 64 || strings.Trim(l.Key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return false, r, fault.Errorf(fault.Invalid, "invalid_key", "key %q: give 1 to 64 letters, digits, dots, hyphens and underscores", l.Key).At("list")
	}
	old, err := p.suppressionList(l.Key)
	made = err != nil
	l.Created = old.Created
	if made {
		l.Created = p.clock.Now()
		if len(p.SuppressionLists()) >= maxSuppressionLists {
			return false, r, fault.Errorf(fault.Conflict, "too_many_lists", "there are %d suppression lists, as many as possible: put the contacts on one of these", maxSuppressionLists)
		}
	}
	r, err = p.keepSuppression(ctx, suppressionFact{Op: suppressPut, List: l})
	return made, r, err
}

// DropSuppressionList removes a list with all that is on it.
func (p *Pipeline) DropSuppressionList(ctx context.Context, key string) (Receipt, error) {
	l, err := p.suppressionList(key)
	if err != nil {
		return Receipt{}, err
	}
	return p.keepSuppression(ctx, suppressionFact{Op: suppressDrop, List: consent.SuppressionList{Key: l.Key}})
}

// SuppressionResult says what came of contacts.
type SuppressionResult struct {
	Changed int              `json:"changed" doc:"Contacts that were put on the list, or taken from it"`
	Known   int              `json:"unchanged" doc:"Contacts that were on it, or not on it, already"`
	Refused []RefusedContact `json:"refused" nullable:"false" doc:"The first of those that are none"`
	Failed  int              `json:"refused_count" doc:"How many are none"`
}

// RefusedContact is a line that is no contact. It does not repeat what it says.
type RefusedContact struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

const maxRefusedShown = 100

// Suppress puts contacts on a list or takes them from it.
func (p *Pipeline) Suppress(ctx context.Context, list string, op SuppressionOp, body []byte) (out SuppressionResult, r Receipt, err error) {
	out.Refused = []RefusedContact{}
	l, err := p.suppressionList(list)
	if err != nil {
		return out, r, err
	}
	var subjects []consent.Subject
	seen := map[consent.Subject]bool{}
	refuse := func(line int, reason string) {
		if out.Failed++; out.Failed <= maxRefusedShown {
			out.Refused = append(out.Refused, RefusedContact{line, reason})
		}
	}
	rules := p.Rules()
	err = consent.ReadContacts(body, func(line int, c *consent.SuppressedContact, bad error) {
		if bad != nil {
			refuse(line, "unreadable")
			return
		}
		subject, reason := p.contacts.Subject(c, rules.Normalise)
		switch {
		case reason != "":
			refuse(line, reason)
		case seen[subject] || p.isOn(list, subject) == (op == SuppressAdd):
			out.Known++
		default:
			seen[subject] = true
			subjects = append(subjects, subject)
		}
	})
	if err != nil {
		return out, r, fault.Errorf(fault.TooLarge, "too_many_contacts", "%w: send at most %d at once", err, consent.MaxContacts)
	}
	r = Receipt{Position: p.store.Log().End()}
	for part := range slices.Chunk(subjects, suppressionChunk) {
		if r, err = p.keepSuppression(ctx, suppressionFact{Op: op, List: consent.SuppressionList{Key: l.Key}, Subjects: part}); err != nil {
			return out, r, err
		}
		out.Changed += len(part)
	}
	return out, r, nil
}

func (p *Pipeline) isOn(list string, subject consent.Subject) bool {
	p.suppressed.mu.RLock()
	defer p.suppressed.mu.RUnlock()
	l := p.suppressed.lists[list]
	if l == nil {
		return false
	}
	_, on := l.since[subject]
	return on
}

// keepSuppression appends a fact and waits until it is applied: the next
// question must find it.
func (p *Pipeline) keepSuppression(ctx context.Context, f suppressionFact) (Receipt, error) {
	f.Time = p.clock.Now()
	payload, err := json.Marshal(f)
	if err != nil {
		return Receipt{}, fmt.Errorf("encode suppression: %w", err)
	}
	r, err := p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindSuppress, Bucket: id.CommonBucket, Anchor: id.KeyOf("suppression", f.List.Key), Received: f.Time, Payload: payload,
	}}})
	if err != nil {
		return r, err
	}
	return r, p.waitRecords(ctx, r)
}

// SuppressionEntry is a contact on a list. Whose it is cannot be told from it.
type SuppressionEntry struct {
	Subject consent.Subject `json:"id" doc:"A keyed hash of the contact"`
	Since   clock.Instant   `json:"since"`
}

// Suppressions lists what is on a list, in the order of the hashes.
func (p *Pipeline) Suppressions(list, cursor string, limit int) (Page[SuppressionEntry], error) {
	var page Page[SuppressionEntry]
	after, err := readCursor(cursor)
	if err != nil {
		return page, err
	}
	if _, err := p.suppressionList(list); err != nil {
		return page, err
	}
	p.suppressed.mu.RLock()
	defer p.suppressed.mu.RUnlock()
	l := p.suppressed.lists[list]
	if l == nil {
		return page, nil
	}
	var subjects []consent.Subject
	for s := range l.since {
		if bytes.Compare(s[:], after) > 0 {
			subjects = append(subjects, s)
		}
	}
	slices.SortFunc(subjects, func(a, b consent.Subject) int { return bytes.Compare(a[:], b[:]) })
	for i, s := range subjects {
		if i == limit {
			page.Next = writeCursor(subjects[limit-1][:])
			break
		}
		page.Items = append(page.Items, SuppressionEntry{s, l.since[s]})
	}
	return page, nil
}

// SuppressedOn tells which lists a contact is on, or a person with any of its
// addresses and numbers.
func (p *Pipeline) SuppressedOn(ctx context.Context, ref string, c *consent.SuppressedContact) ([]SuppressedOn, error) {
	if ref == "" {
		subject, reason := p.contacts.Subject(c, p.Rules().Normalise)
		if reason != "" {
			return nil, fault.Errorf(fault.Invalid, "invalid_contact", "the contact is none: %s; give email, phone, email_sha256, phone_sha256 or profile", reason)
		}
		subjects := []consent.Subject{subject}
		if c.Phone != "" { // the number may be listed without its plus
			if i, reason := p.Rules().Normalise(event.Identifier{Namespace: event.Phone, Value: c.Phone}); reason == "" {
				subjects = p.contacts.Of(i)
			}
		}
		return p.suppressed.on(subjects), nil
	}
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	return p.suppressionsOf(who), nil
}

func (p *Pipeline) suppressionsOf(who *person) []SuppressedOn {
	var out []SuppressedOn
	for i := range who.members {
		ident := who.members[i].Identifier
		for _, on := range p.suppressed.on(p.contacts.Of(ident)) {
			on.Contact = ident.String()
			out = append(out, on)
		}
	}
	return out
}
