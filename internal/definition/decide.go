package definition

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Command asks for a change. Exactly one of three things: with a Document it
// makes a version; with RollbackTo it makes a version of an older document;
// else it gives Version (0: the newest) another status.
type Command struct {
	Kind        Kind
	Key         string
	Status      Status
	Version     int
	RollbackTo  int
	Document    []byte
	ContentType string
	Note        string
	Author      string
	Time        clock.Instant
	IfMatch     string // the tag of the newest version that the caller saw; "*": any
	IfNoneMatch string // "*": only where the key is new
}

// Fact is a change that was decided: it holds whatever came before it, and
// carries no conditions.
type Fact struct {
	Kind        Kind          `json:"kind"`
	Key         string        `json:"key"`
	Version     int           `json:"version"`
	Change      int           `json:"change"` // its number within the version, from 0
	Status      Status        `json:"status"`
	Author      string        `json:"author"`
	Time        clock.Instant `json:"time"`
	Note        string        `json:"note,omitempty"`
	RollbackOf  int           `json:"rollback_of,omitempty"`
	ContentType string        `json:"content_type,omitempty"`
	Size        int           `json:"size,omitempty"`
	Document    []byte        `json:"document,omitempty"` // with the change that makes the version
}

// Decide holds a command against the versions there are. The fact of a
// rollback has no document yet: the caller puts that of RollbackOf in.
func (s *Series) Decide(c Command) (Fact, error) {
	if err := c.check(); err != nil {
		return Fact{}, err
	}
	newest := s.Newest()
	if err := c.conditions(newest); err != nil {
		return Fact{}, err
	}
	f := Fact{Kind: c.Kind, Key: c.Key, Status: c.Status, Author: c.Author, Time: c.Time, Note: c.Note}
	if len(c.Document) > 0 {
		f.Version, f.ContentType, f.Size, f.Document = s.next(), c.ContentType, len(c.Document), c.Document
		return f, nil
	}
	if newest == nil {
		return f, fault.Errorf(fault.NotFound, "definition_not_found", "there is no definition %q: PUT one first", c.Key)
	}
	if c.RollbackTo != 0 {
		old, err := s.Pick(c.RollbackTo)
		if err != nil {
			return f, err
		}
		f.Version, f.RollbackOf, f.ContentType, f.Size = s.next(), old.Version, old.ContentType, old.Size
		return f, nil
	}
	at, err := s.Pick(c.Version)
	if err != nil {
		return f, err
	}
	if now := at.Status(); !May(now, c.Status) {
		return f, fault.Errorf(fault.Conflict, "status_not_possible", "version %d is %s and cannot become %s: %s", at.Version, now, c.Status, mend(now)).At("/status")
	}
	f.Version, f.Change = at.Version, len(at.Changes)
	return f, nil
}

// May tells whether a version may go from one status to another: forward,
// leaving out what is not needed, or from test back to draft. What is archived
// stays so.
func May(from, to Status) bool {
	switch from {
	case Draft:
		return to == Test || to == Live || to == Archived
	case Test:
		return to == Draft || to == Live || to == Archived
	case Live:
		return to == Archived
	}
	return false
}

func mend(now Status) string {
	switch now {
	case Live:
		return "archive it, or make another version live in its place"
	case Archived:
		return "what is archived stays so; roll back to make a new version of its document"
	}
	return "it has that status already"
}

func (c *Command) check() error {
	if !validKey(c.Key) {
		return fault.Errorf(fault.Invalid, "invalid_key", "key %q: give 1 to 128 letters, digits, dots, hyphens and underscores, beginning with a letter or digit", c.Key).At("key")
	}
	made := len(c.Document) > 0 || c.RollbackTo != 0
	switch {
	case len(c.Document) > c.Kind.Max():
		return fault.Errorf(fault.TooLarge, "document_too_large", "the document has %d bytes, %d are possible: split it", len(c.Document), c.Kind.Max())
	case len(c.Note) > 2000:
		return fault.Errorf(fault.Invalid, "note_too_long", "the note is longer than 2000 bytes: say it shorter").At("/note")
	case !slices.Contains([]Status{Draft, Test, Live, Archived}, c.Status):
		return fault.Errorf(fault.Invalid, "unknown_status", "unknown status %q: give draft, test, live or archived", c.Status).At("/status")
	case made && c.Status == Archived:
		return fault.Errorf(fault.Invalid, "unknown_status", "a new version cannot be archived at once: give draft, test or live").At("/status")
	}
	return nil
}

func (c *Command) conditions(newest *Version) error {
	switch {
	case c.IfNoneMatch == "*" && newest != nil:
		return fault.Errorf(fault.Precondition, "already_exists", "the definition %q exists already; leave If-None-Match out to add a version", c.Key)
	case c.IfMatch != "" && newest == nil:
		return fault.Errorf(fault.Precondition, "changed_meanwhile", "there is no definition %q that If-Match could mean", c.Key)
	case c.IfMatch != "" && c.IfMatch != "*" && c.IfMatch != newest.ETag():
		return fault.Errorf(fault.Precondition, "changed_meanwhile", "the definition %q was changed since; read it again and repeat the change on what it is now", c.Key)
	}
	return nil
}

func (s *Series) next() int {
	if v := s.Newest(); v != nil {
		return v.Version + 1
	}
	return 1
}

// Pick finds a version of a series that has some; 0 is the newest.
func (s *Series) Pick(n int) (*Version, error) {
	if n == 0 {
		return s.Newest(), nil
	}
	if v := s.At(n); v != nil {
		return v, nil
	}
	return nil, fault.Errorf(fault.NotFound, "version_not_found", "%q has no version %d: it has 1 to %d", s.Key, n, s.Newest().Version).At("version")
}

func validKey(key string) bool {
	if key == "" || len(key) > 128 {
		return false
	}
	for i := range len(key) {
		b := key[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && (i == 0 || b != '.' && b != '-' && b != '_') {
			return false
		}
	}
	return true
}
