// Package kept is a decision as it is kept: what was asked, what the model
// read, what it came to and how long that took, so that it can be explained
// and made again exactly. It never decides and never stores.
package kept

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/feel"
	"rapport/internal/id"
)

// ID names a decision: the bucket it lies in, when it was made, and what tells
// it from others of the same moment.
type ID struct {
	Bucket id.Bucket
	Time   clock.Instant
	Tail   uint64
}

const idMark = "dec_"

// String is the id as the API shows it.
func (i ID) String() string {
	return fmt.Sprintf("%s%04x%016x%016x", idMark, i.Bucket, uint64(i.Time), i.Tail)
}

// ParseID reads an id; ok is false where it is none.
func ParseID(text string) (i ID, ok bool) {
	digits, ok := strings.CutPrefix(text, idMark)
	if !ok {
		return i, false
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 18 || binary.BigEndian.Uint16(b) >= id.Buckets {
		return i, false
	}
	return ID{id.Bucket(binary.BigEndian.Uint16(b)), clock.Instant(binary.BigEndian.Uint64(b[2:])), binary.BigEndian.Uint64(b[10:])}, true
}

// MarshalText is String.
func (i ID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText is ParseID.
func (i *ID) UnmarshalText(text []byte) error {
	var ok bool
	if *i, ok = ParseID(string(text)); !ok {
		return errors.New("no id of a decision")
	}
	return nil
}

// SortKey orders the ids of a bucket, the newest first.
func (i ID) SortKey() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16), ^uint64(i.Time))
	return binary.BigEndian.AppendUint64(b, i.Tail)
}

// FromSortKey is the id that a sort key in a bucket is of.
func FromSortKey(bucket id.Bucket, key []byte) (ID, bool) {
	if len(key) != 16 {
		return ID{}, false
	}
	return ID{bucket, clock.Instant(^binary.BigEndian.Uint64(key)), binary.BigEndian.Uint64(key[8:])}, true
}

// Head is what lists show of a decision. Nothing in it is about the person.
type Head struct {
	ID      ID                `json:"id"`
	Model   string            `json:"model" doc:"Key of the decision model"`
	Version int               `json:"version"`
	Status  definition.Status `json:"status" enum:"draft,test,live,archived" doc:"What the version was then. What a test version decided was never given to anybody"`
	Time    clock.Instant     `json:"time"`
	Expires clock.Instant     `json:"expires_at" doc:"When it is no longer kept"`
	Job     string            `json:"job,omitempty" doc:"The batch that it was made in"`
	Beside  *ID               `json:"beside,omitempty" doc:"Of a test version: the live decision that it ran beside"`
	Differs []string          `json:"differs,omitempty" doc:"Of a test version: the outputs that came to something else than those of the live decision"`
}

// Pin is a definition that the decision depended on, in the version it had.
type Pin struct {
	Kind    definition.Kind `json:"kind"`
	Key     string          `json:"key"`
	Version int             `json:"version" doc:"0: there was none"`
	// Namespace is set where an import found the model by it.
	Namespace string `json:"namespace,omitempty"`
}

// Took says where the time went.
type Took struct {
	Own float64 `json:"own_us" doc:"Microseconds of the decision itself"`
	TookElsewhere
}

// TookElsewhere is time that is not the decision's own.
type TookElsewhere struct {
	ForConnections float64 `json:"connections_us" doc:"Microseconds of waiting for data connections"`
	ForProfile     float64 `json:"profile_us" doc:"Microseconds of reading the profile and the item"`
}

// Decision is one kept decision.
type Decision struct {
	Head
	Profile     string
	Author      string // id of the key that asked
	Pins        []Pin
	Decisions   []string // that were asked for; none: all
	Service     string
	Seed        uint64
	Read        []model.Read
	Values      []feel.Entry
	Diagnostics []model.Diagnostic
	Took        Took
	Consent     *Permission // that was asked for; nil: none
	// Cut says that inputs or outputs were too large to keep: the decision
	// cannot be made again.
	Cut bool
}

// MaxValues is how many bytes the inputs, and the outputs, of a decision may
// have. Larger ones are not kept.
const MaxValues = 128 << 10

// The first byte of a payload.
const (
	payloadKept   = 1
	payloadPurged = 2
)

// body is a decision on disk, beside its head.
type body struct {
	Profile     string             `json:"profile,omitempty"`
	Author      string             `json:"author,omitempty"`
	Pins        []Pin              `json:"pins,omitempty"`
	Decisions   []string           `json:"decisions,omitempty"`
	Service     string             `json:"service,omitempty"`
	Seed        uint64             `json:"seed,omitempty"`
	Read        []wireRead         `json:"read,omitempty"`
	Values      []wireEntry        `json:"values,omitempty"`
	Diagnostics []model.Diagnostic `json:"diagnostics,omitempty"`
	Took        Took               `json:"took"`
	Consent     *Permission        `json:"consent,omitempty"`
	Cut         bool               `json:"cut,omitempty"`
}

// Permission is whether the person's data might be used.
type Permission struct {
	Purpose string `json:"purpose"`
	Channel string `json:"channel,omitempty"`
	Allowed bool   `json:"allowed" doc:"false: the model decided without anything that is known of the person"`
	Reason  string `json:"reason" enum:"granted,not_asked,no_consent,denied,withdrawn,suppressed"`
}

type wireRead struct {
	Name  string          `json:"n"`
	From  string          `json:"f"`
	Value json.RawMessage `json:"v"`
}

type wireEntry struct {
	Name  string          `json:"n"`
	Value json.RawMessage `json:"v"`
}

// Encode is the payload of a decision's record.
func (d *Decision) Encode() ([]byte, error) {
	head, err := json.Marshal(&d.Head)
	if err != nil {
		return nil, err
	}
	w := body{
		Profile: d.Profile, Author: d.Author, Pins: d.Pins, Decisions: d.Decisions, Service: d.Service, Seed: d.Seed,
		Diagnostics: d.Diagnostics, Took: d.Took, Consent: d.Consent, Cut: d.Cut,
	}
	size := 0
	for _, r := range d.Read {
		v := feel.AppendWire(nil, r.Value)
		if size += len(v); size > MaxValues {
			w.Read, w.Cut = nil, true
			break
		}
		w.Read = append(w.Read, wireRead{r.Name, r.From, v})
	}
	size = 0
	for _, e := range d.Values {
		v := feel.AppendWire(nil, e.Value)
		if size += len(v); size > MaxValues {
			w.Values, w.Cut = nil, true
			break
		}
		w.Values = append(w.Values, wireEntry{e.Key, v})
	}
	rest, err := json.Marshal(&w)
	if err != nil {
		return nil, err
	}
	out := binary.AppendUvarint([]byte{payloadKept}, uint64(len(head)))
	return append(append(out, head...), rest...), nil
}

var errPayload = errors.New("kept decision is damaged")

// ReadHead gives the head of a payload and its bytes; nil where the payload is
// of a purge or erased.
func ReadHead(payload []byte) (h *Head, text []byte, err error) {
	text, _, err = split(payload)
	if err != nil || text == nil {
		return nil, nil, err
	}
	h = &Head{}
	if err := json.Unmarshal(text, h); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errPayload, err)
	}
	return h, text, nil
}

func split(payload []byte) (head, rest []byte, err error) {
	if len(payload) == 0 || payload[0] != payloadKept {
		return nil, nil, nil
	}
	n, size := binary.Uvarint(payload[1:])
	if size <= 0 || n > uint64(len(payload)-1-size) {
		return nil, nil, errPayload
	}
	head = payload[1+size : 1+size+int(n)]
	return head, payload[1+size+int(n):], nil
}

// Decode reads the payload of a decision's record.
func Decode(payload []byte) (*Decision, error) {
	h, _, err := ReadHead(payload)
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, errPayload
	}
	_, rest, err := split(payload)
	if err != nil {
		return nil, err
	}
	var w body
	if err := json.Unmarshal(rest, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", errPayload, err)
	}
	d := &Decision{
		Head: *h, Profile: w.Profile, Author: w.Author, Pins: w.Pins, Decisions: w.Decisions, Service: w.Service, Seed: w.Seed,
		Diagnostics: w.Diagnostics, Took: w.Took, Consent: w.Consent, Cut: w.Cut,
	}
	for _, r := range w.Read {
		v, err := feel.ReadWire(r.Value)
		if err != nil {
			return nil, fmt.Errorf("%w: input %s: %w", errPayload, r.Name, err)
		}
		d.Read = append(d.Read, model.Read{Name: r.Name, From: r.From, Value: v})
	}
	for _, e := range w.Values {
		v, err := feel.ReadWire(e.Value)
		if err != nil {
			return nil, fmt.Errorf("%w: output %s: %w", errPayload, e.Name, err)
		}
		d.Values = append(d.Values, feel.Entry{Key: e.Name, Value: v})
	}
	return d, nil
}

// Question asks for the decision again: the same values, the same time, the
// same chance.
func (d *Decision) Question() *model.Question {
	exactly := d.Read
	if exactly == nil {
		exactly = []model.Read{}
	}
	return &model.Question{Exactly: exactly, Decisions: d.Decisions, Service: d.Service, Now: d.Time, Seed: d.Seed}
}

// Differs names what differs between two sets of outputs, in the order of the
// first; outputs that only one of them has differ.
func Differs(a, b []feel.Entry) []string {
	var out []string
	other := make(map[string]feel.Value, len(b))
	for _, e := range b {
		other[e.Key] = e.Value
	}
	for _, e := range a {
		v, ok := other[e.Key]
		if !ok || !feel.Same(e.Value, v) && (!e.Value.IsNull() || !v.IsNull()) {
			out = append(out, e.Key)
		}
		delete(other, e.Key)
	}
	for _, e := range b {
		if _, only := other[e.Key]; only {
			out = append(out, e.Key)
		}
	}
	return out
}

// Gone names a decision whose rows go.
type Gone struct {
	ID     ID     `json:"id"`
	Model  string `json:"model"`
	Job    string `json:"job,omitempty"`
	Anchor []byte `json:"anchor"`
}

// EncodePurge is the payload of a record that ends the keeping of decisions of
// one bucket.
func EncodePurge(gone []Gone) ([]byte, error) {
	b, err := json.Marshal(gone)
	return append([]byte{payloadPurged}, b...), err
}

// ReadPurge gives what a payload purges, nil where it is of another kind.
func ReadPurge(payload []byte) ([]Gone, error) {
	if len(payload) == 0 || payload[0] != payloadPurged {
		return nil, nil
	}
	var gone []Gone
	if err := json.Unmarshal(payload[1:], &gone); err != nil {
		return nil, fmt.Errorf("%w: %w", errPayload, err)
	}
	return gone, nil
}
