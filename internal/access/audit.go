package access

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

// Entry is one line of the audit log: who did what, or looked at what is
// masked. It never holds what was looked at.
type Entry struct {
	At    clock.Instant `json:"at"`
	Actor string        `json:"actor"` // id of a key or a member
	// Operation is the id of the API's operation, or sign-in, sign-in-openid,
	// sign-in-passkey, link-openid, provision-member, follow-roles, refused-sign-in,
	// enter-by-link, refused-link; call-tool is an assistant's, with the tool as Target.
	Operation string `json:"operation"`
	// Target is the key or id in the address, where it is no personal one.
	Target string `json:"target,omitempty"`
	// About is a mark of the person that the address names: it tells whether two
	// entries are about the same one, and nothing else.
	About     string `json:"about,omitempty"`
	Status    int    `json:"status,omitempty"`
	Reason    string `json:"reason,omitempty"` // why somebody unmasked
	From      string `json:"from,omitempty"`   // network address
	RequestID string `json:"request_id,omitempty"`
}

// Audit is the log of what people and programs did, in files by month. Safe for
// concurrent use.
type Audit struct {
	files vfs.FS
	dir   string
	key   []byte
	mu    sync.Mutex
	month string
	file  *disk.Tail
	// unwritten are noted and not in a file yet, the oldest first.
	unwritten []unwritten
}

const auditDir = "audit"

// OpenAudit opens the log in a register's folder.
func OpenAudit(r *Register) (*Audit, error) {
	dir := filepath.Join(r.dir, auditDir)
	if err := r.files.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the audit folder: %w", err)
	}
	return &Audit{files: r.files, dir: dir, key: r.Index().tokenKey}, nil
}

// Mark is how a person is named in the log.
func (a *Audit) Mark(ref string) string {
	h := hmac.New(sha256.New, a.key)
	h.Write([]byte("audit:" + ref))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Note writes an entry down before it returns. It is durable with the next
// write of the system, not with each: a crash of the machine can take the last
// second's entries.
func (a *Audit) Note(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.unwritten) == unwrittenMost {
		return fmt.Errorf("writing the audit log: %d entries wait for room already", unwrittenMost)
	}
	a.unwritten = append(a.unwritten, unwritten{e.At.Time().Format("2006-01"), append(line, '\n')})
	return a.write()
}

// unwrittenMost is how many entries wait in memory where the disk takes none.
const unwrittenMost = 4096

// unwritten is an entry that is not in its file yet.
type unwritten struct {
	month string
	line  []byte
}

// Catch writes down what could not be written when it was noted.
func (a *Audit) Catch() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.write()
}

// write writes what waits, the oldest first. What fails stays.
func (a *Audit) write() (err error) {
	for len(a.unwritten) > 0 {
		next := a.unwritten[0]
		line := next.line
		if next.month != a.month {
			a.close()
			if a.file, err = disk.OpenTail(a.files, a.path(next.month), -1); err != nil {
				return fmt.Errorf("opening the audit log: %w", err)
			}
			a.month = next.month
			if torn(a.file) {
				line = append([]byte("\n"), line...)
			}
		}
		if _, err := a.file.Write(line); err != nil {
			a.close() // half of the line may be there: the next look finds out
			return fmt.Errorf("writing the audit log: %w", err)
		}
		a.unwritten = a.unwritten[1:]
	}
	a.unwritten = nil
	return nil
}

// torn tells a file whose last line a crash cut short: what comes next must not
// be joined to it.
func torn(f *disk.Tail) bool {
	if f.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err := f.ReadAt(last, f.Size()-1)
	return err == nil && last[0] != '\n'
}

func (a *Audit) path(month string) string { return filepath.Join(a.dir, month+".jsonl") }

func (a *Audit) close() {
	if a.file != nil {
		a.file.Sync()  //nolint:errcheck // what is lost is told by the write that failed
		a.file.Close() //nolint:errcheck // see above
		a.file, a.month = nil, ""
	}
}

// Close makes the log durable.
func (a *Audit) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write() //nolint:errcheck // what is lost is told by the write that failed
	a.close()
}

// AuditQuery is which entries are wanted, the newest first. Empty: all.
type AuditQuery struct {
	Actor, Operation, About string
	From, To                clock.Instant
	Cursor                  string
	Limit                   int
}

// List gives a page of entries, the newest first, and the cursor of the next.
func (a *Audit) List(q AuditQuery) ([]Entry, string, error) {
	months, err := a.months()
	if err != nil {
		return nil, "", err
	}
	from, line, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	var out []Entry
	for _, month := range months {
		if from != "" && month > from {
			continue
		}
		lines, err := a.lines(month)
		if err != nil {
			return nil, "", err
		}
		last := len(lines)
		if month == from {
			last = min(line, last)
		}
		for i := last - 1; i >= 0; i-- {
			var e Entry
			if json.Unmarshal(lines[i], &e) != nil || !q.wants(&e) {
				continue // a line cut short by a crash
			}
			if len(out) == q.Limit {
				return out, base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", month, i+1)), nil
			}
			out = append(out, e)
		}
	}
	return out, "", nil
}

func (q *AuditQuery) wants(e *Entry) bool {
	return cmp.Or(q.Actor, e.Actor) == e.Actor && cmp.Or(q.Operation, e.Operation) == e.Operation &&
		cmp.Or(q.About, e.About) == e.About && e.At >= q.From && (q.To == 0 || e.At < q.To)
}

// months lists the files, the newest first.
func (a *Audit) months() ([]string, error) {
	names, err := a.files.List(a.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the audit folder: %w", err)
	}
	var out []string
	for _, name := range names {
		if month, ok := strings.CutSuffix(name, ".jsonl"); ok {
			out = append(out, month)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

func (a *Audit) lines(month string) ([][]byte, error) {
	text, err := disk.ReadFile(a.files, a.path(month))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	var lines [][]byte
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, slices.Clone(s.Bytes()))
	}
	return lines, s.Err()
}

func readCursor(cursor string) (month string, line int, err error) {
	if cursor == "" {
		return "", 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	month, number, ok := strings.Cut(string(text), ":")
	if err == nil && ok {
		line, err = strconv.Atoi(number)
	}
	if err != nil || !ok || line < 0 {
		return "", 0, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is none of ours: give next of the page before, unchanged").At("cursor")
	}
	return month, line, nil
}
