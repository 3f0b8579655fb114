package files

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// remembered is how many messages the ledger knows at least: far more than can
// be on their way at a time.
const remembered = 200_000

// ledger is what was written. A line says which messages a file will hold; one
// behind it says that the file is there.
type ledger struct {
	path    string
	file    *os.File
	pending string   // a file that was begun
	of      []string // the messages in it
	known   map[string]bool
	order   []string // those known, the oldest first
	number  int      // of the last file
}

// entry is a line of the ledger.
type entry struct {
	File   string   `json:"file,omitempty"`
	IDs    []string `json:"ids,omitempty"`
	Number int      `json:"number,omitempty"`
	Done   string   `json:"done,omitempty"`
}

func openLedger(path string) (*ledger, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l := &ledger{path: path, known: map[string]bool{}}
	good, err := l.read()
	if err != nil {
		return nil, err
	}
	if l.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	// A line that a crash cut was never acted upon.
	if err = l.file.Truncate(good); err == nil {
		_, err = l.file.Seek(good, 0)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return l, nil
}

// read takes what is there and gives how many bytes of it are whole lines.
func (l *ledger) read() (good int64, err error) {
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return good, nil
		}
		var e entry
		if json.Unmarshal(line, &e) != nil {
			return good, nil
		}
		good += int64(len(line))
		l.take(e)
	}
}

func (l *ledger) take(e entry) {
	switch {
	case e.File != "":
		l.pending, l.of, l.number = e.File, e.IDs, e.Number
	case e.Done != "" && e.Done == l.pending:
		l.remember(l.of)
		l.pending, l.of = "", nil
	}
}

func (l *ledger) remember(ids []string) {
	for _, id := range ids {
		if !l.known[id] {
			l.known[id] = true
			l.order = append(l.order, id)
		}
	}
}

func (l *ledger) has(id string) bool { return l.known[id] }

func (l *ledger) next() int { return l.number + 1 }

func (l *ledger) append(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(b, '\n')); err != nil {
		return err
	}
	return l.file.Sync()
}

// intend notes a file that is staged.
func (l *ledger) intend(name string, ids []string) error {
	e := entry{File: name, IDs: ids, Number: l.next()}
	if err := l.append(e); err != nil {
		return err
	}
	l.take(e)
	return nil
}

// done notes that the pending file is there.
func (l *ledger) done() error {
	e := entry{Done: l.pending}
	if err := l.append(e); err != nil {
		return err
	}
	l.take(e)
	if len(l.order) < 2*remembered {
		return nil
	}
	return l.shorten()
}

// shorten writes the ledger anew with the newest messages.
func (l *ledger) shorten() error {
	old := l.order[:len(l.order)-remembered]
	for _, id := range old {
		delete(l.known, id)
	}
	l.order = append([]string(nil), l.order[len(old):]...)
	file, err := json.Marshal(entry{File: "kept", IDs: l.order, Number: l.number})
	if err != nil {
		return err
	}
	done, err := json.Marshal(entry{Done: "kept"})
	if err != nil {
		return err
	}
	if err := writeSynced(l.path, append(append(append(file, '\n'), done...), '\n')); err != nil {
		return err
	}
	again, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	err = l.file.Close()
	l.file = again
	return err
}

func (l *ledger) close() error { return l.file.Close() }
