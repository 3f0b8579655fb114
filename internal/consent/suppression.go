package consent

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
)

// A suppression list holds contacts that must not be used on a channel,
// whatever their people agreed to. A contact is kept as a keyed hash alone: a
// list, its records in the log and its backups tell nobody who is on it, yet
// anybody can be looked up.

// SuppressionList is what is said of a list.
type SuppressionList struct {
	Key     string        `json:"key"`
	Name    string        `json:"name"`
	Channel string        `json:"channel,omitempty" doc:"On which its contacts must not be used; left out: on all"`
	Created clock.Instant `json:"created_at"`
}

// Covers tells whether the list is about a channel.
func (l *SuppressionList) Covers(channel string) bool {
	return l.Channel == AnyChannel || l.Channel == channel
}

// SuppressedContact is a contact as people write it: one of its members is set. A hash is
// the SHA-256 of the address in lower case, or of the number with a plus and
// its country, in hexadecimal.
type SuppressedContact struct {
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty" doc:"With its country"`
	EmailSHA256 string `json:"email_sha256,omitempty" doc:"Of the address in lower case, in hexadecimal"`
	PhoneSHA256 string `json:"phone_sha256,omitempty" doc:"Of the number with a plus and its country, such as +436601234567, in hexadecimal"`
}

// Why a contact cannot be on a list. Others are reasons of identity.
const (
	ReasonNoContact = "no_contact" // none of its members is set, or more than one
	ReasonNotHash   = "not_a_sha256"
)

// SuppressionHasher makes the keyed hashes of contacts.
type SuppressionHasher struct{ h *Hasher }

// NewSuppressionHasher derives their key from that of the instance.
func NewSuppressionHasher(instanceKey [16]byte) *SuppressionHasher {
	return &SuppressionHasher{NewHasherFor(instanceKey, "rapport suppress")}
}

func (s *SuppressionHasher) sum(kind string, hash [sha256.Size]byte) Subject {
	return s.h.Subject(id.KeyOf("suppressed "+kind, string(hash[:])))
}

// Of gives the subjects under which an identifier may be on a list; none where
// it is neither an address nor a number. Numbers are hashed with and without
// their plus, for both are customary.
func (s *SuppressionHasher) Of(i event.Identifier) []Subject {
	switch i.Namespace {
	case event.Email:
		return []Subject{s.sum(event.Email, sha256.Sum256([]byte(i.Value)))}
	case event.Phone:
		return []Subject{
			s.sum(event.Phone, sha256.Sum256([]byte(i.Value))),
			s.sum(event.Phone, sha256.Sum256([]byte(strings.TrimPrefix(i.Value, "+")))),
		}
	}
	return nil
}

// Subject gives that of a contact, or the reason why it is none. Plain contacts
// take the form that identifiers have.
func (s *SuppressionHasher) Subject(c *SuppressedContact, normalise func(event.Identifier) (event.Identifier, string)) (Subject, string) {
	set := 0
	for _, v := range []string{c.Email, c.Phone, c.EmailSHA256, c.PhoneSHA256} {
		if v != "" {
			set++
		}
	}
	if set != 1 {
		return Subject{}, ReasonNoContact
	}
	for kind, hash := range map[string]string{event.Email: c.EmailSHA256, event.Phone: c.PhoneSHA256} {
		if hash == "" {
			continue
		}
		raw, err := hex.DecodeString(strings.ToLower(hash))
		if err != nil || len(raw) != sha256.Size {
			return Subject{}, ReasonNotHash
		}
		return s.sum(kind, [sha256.Size]byte(raw)), ""
	}
	i := event.Identifier{Namespace: event.Email, Value: c.Email}
	if c.Phone != "" {
		i = event.Identifier{Namespace: event.Phone, Value: c.Phone}
	}
	i, reason := normalise(i)
	if reason != "" {
		return Subject{}, reason
	}
	return s.Of(i)[0], ""
}

// MaxContacts is how many contacts one call may bring.
const MaxContacts = 200_000

// ErrTooManyContacts says that there are more.
var ErrTooManyContacts = errors.New("more contacts than one call may bring")

// ReadContacts reads contacts line by line: objects of JSON, or CSV whose first
// line names the columns email, phone, email_sha256 and phone_sha256, or plain
// lines of addresses. visit gets the number of the line, and what is wrong with
// one that cannot be read.
func ReadContacts(body []byte, visit func(line int, c *SuppressedContact, err error)) error {
	text := bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if t := bytes.TrimSpace(text); len(t) > 0 && t[0] == '{' {
		return readLines(text, visit)
	}
	return readCSV(text, visit)
}

func readLines(text []byte, visit func(int, *SuppressedContact, error)) error {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	n := 0
	for number := 1; lines.Scan(); number++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if n++; n > MaxContacts {
			return ErrTooManyContacts
		}
		c := &SuppressedContact{}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		err := d.Decode(c)
		if err == nil && d.More() {
			err = errors.New("more than one object stands in the line")
		}
		visit(number, c, err)
	}
	return lines.Err()
}

func readCSV(text []byte, visit func(int, *SuppressedContact, error)) error {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.ReuseRecord = -1, true, true
	var columns []string
	for n := 0; ; {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			if bad, ok := errors.AsType[*csv.ParseError](err); ok {
				visit(bad.Line, &SuppressedContact{}, err)
				continue
			}
			return err
		}
		if columns == nil {
			if columns = header(row); columns != nil {
				continue
			}
			columns = []string{"email"}
		}
		if n++; n > MaxContacts {
			return ErrTooManyContacts
		}
		c := &SuppressedContact{}
		for i, value := range row {
			if i < len(columns) {
				c.set(columns[i], strings.TrimSpace(value))
			}
		}
		visit(line, c, nil)
	}
}

// header gives the names of columns, nil where the line has none of ours.
func header(row []string) []string {
	out, known := make([]string, len(row)), false
	for i, name := range row {
		out[i] = strings.ToLower(strings.TrimSpace(name))
		known = known || new(SuppressedContact).set(out[i], "x")
	}
	if !known {
		return nil
	}
	return out
}

func (c *SuppressedContact) set(column, value string) bool {
	switch column {
	case "email":
		c.Email = value
	case "phone":
		c.Phone = value
	case "email_sha256":
		c.EmailSHA256 = value
	case "phone_sha256":
		c.PhoneSHA256 = value
	default:
		return false
	}
	return true
}
