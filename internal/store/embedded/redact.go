package embedded

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sort"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// patch is bytes to be written over others at an address of the log.
type patch struct {
	at    uint64
	bytes []byte
}

// patchBatch bounds what one journal holds.
const patchBatch = 16 << 20

// Redact rewrites records in place, in rooms of the same size, so that
// positions stay: what is written is first kept in a journal, which the next
// start finishes where a crash came between.
func (l *Log) Redact(ctx context.Context, changes []store.Redaction) (int, error) {
	if err := l.gate.enter(ctx); err != nil {
		return 0, err
	}
	defer l.gate.leave()
	l.redacting.Lock()
	defer l.redacting.Unlock()
	if err := l.finishPatches(); err != nil {
		return 0, translate(err)
	}
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b store.Redaction) int { return cmp.Compare(a.At, b.At) })
	if err := l.redactable(ctx, changes); err != nil {
		return 0, err
	}
	removed := 0
	for len(changes) > 0 {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		p, err := l.patchesOf(changes)
		if err == nil {
			err = l.applyPatches(p.patches)
		}
		if err != nil {
			return removed, translate(err)
		}
		removed, changes = removed+p.removed, p.changes
	}
	return removed, nil
}

// redactable checks all changes before any is made.
func (l *Log) redactable(ctx context.Context, changes []store.Redaction) error {
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, limit, ok := l.holder(c.At)
		if !ok {
			return store.ErrNotFound
		}
		s.patching.RLock()
		_, h, err := s.rawAt(c.At, limit)
		s.patching.RUnlock()
		switch {
		case err == seal.ErrNoRecord: //nolint:errorlint // never wrapped
			return store.ErrNotFound
		case err != nil:
			return translate(err)
		case c.Payload != nil && h.Gone:
			return store.ErrErased
		case c.Payload == nil || h.Gone:
			continue
		}
		if _, err := l.keys.cipher(h.Key, h.Anchor); err != nil {
			return err
		}
	}
	return nil
}

// holder is the segment of a position and where it ends.
func (l *Log) holder(at store.Position) (s *segment, limit uint64, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > uint64(at) }) - 1
	s = l.segments[max(i, 0)]
	return s, s.end, at <= l.last && uint64(at) >= s.least()
}

// patching is the making of one journal: the patches of the first changes,
// whole blocks at a time, as many as it takes.
type patching struct {
	log     *Log
	changes []store.Redaction // still to be made
	patches []patch
	size    int
	removed int // payloads that should have been replaced
}

func (l *Log) patchesOf(changes []store.Redaction) (*patching, error) {
	p := &patching{log: l, changes: changes}
	for len(p.changes) > 0 && p.size < patchBatch {
		s, limit, _ := l.holder(p.changes[0].At)
		blocks := blockReader{segment: s, limit: limit}
		for len(p.changes) > 0 && uint64(p.changes[0].At) < limit && p.size < patchBatch {
			begin := uint64(p.changes[0].At)
			block, err := blocks.next(begin)
			if err == nil {
				block.bytes = slices.Clone(block.bytes)
				err = p.patch(&block)
			}
			if err != nil {
				return nil, s.damaged(begin, err)
			}
		}
	}
	return p, nil
}

// patch makes the changes of a block, and its sum where it has one.
func (p *patching) patch(b *block) error {
	for ; len(p.changes) > 0 && uint64(p.changes[0].At) < b.end(); p.changes = p.changes[1:] {
		c := p.changes[0]
		old := b.bytes[uint64(c.At)-b.at:]
		record, gone, err := p.log.redacted(old, c.Payload)
		if err != nil {
			return err
		}
		if gone && c.Payload != nil {
			p.removed++
		}
		p.patches = append(p.patches, patch{uint64(c.At), record})
		copy(old, record)
		p.size += len(record)
	}
	if b.records > 0 {
		sum := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(b.bytes[8:], castagnoli))
		p.patches = append(p.patches, patch{b.at + 4, sum})
	}
	return nil
}

// redacted is a record with another payload, in as many bytes as the old one,
// which b begins with.
func (l *Log) redacted(b, payload []byte) (record []byte, gone bool, err error) {
	var h seal.Head
	if err := h.Parse(b); err != nil {
		return nil, false, err
	}
	if payload != nil {
		record, err := l.sealer.Reseal(&h, payload, l.keepKey)
		if record != nil || err != nil {
			return record, false, err
		}
	}
	return h.Remove(), true, nil
}

func (l *Log) keepKey(key *seal.Key) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.keys.write([]seal.Key{*key}); err != nil {
		return err
	}
	l.sealer.Ring.Durable(key)
	return nil
}

// applyPatches keeps patches in the journal, writes them, and drops the journal.
func (l *Log) applyPatches(patches []patch) error {
	if err := l.folder.write(journalName, encodeJournal(patches)); err != nil {
		return err
	}
	l.unfinished = patches
	return l.finishPatches()
}

// finishPatches writes what the journal holds.
func (l *Log) finishPatches() error {
	if l.unfinished == nil {
		return nil
	}
	for rest := l.unfinished; len(rest) > 0; {
		s, limit, _ := l.holder(store.Position(rest[0].at))
		n := 0
		for n < len(rest) && rest[n].at < limit {
			n++
		}
		if n == 0 {
			return fmt.Errorf("redacting: address %d is not in the log", rest[0].at)
		}
		if err := s.write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if err := l.folder.fs.Remove(l.folder.path(journalName)); err != nil {
		return fmt.Errorf("removing the journal of redactions: %w", err)
	}
	l.unfinished = nil
	return l.folder.sync()
}

// write makes patches durable. Readers see all of them or none.
func (s *segment) write(patches []patch) error {
	s.patching.Lock()
	defer s.patching.Unlock()
	for _, p := range patches {
		// The file system may keep and change what it is given.
		if _, err := s.file.WriteAt(slices.Clone(p.bytes), s.offset(p.at)); err != nil {
			return fmt.Errorf("redacting %s: %w", s.name, err)
		}
	}
	if err := s.file.SyncData(); err != nil {
		return fmt.Errorf("redacting %s: %w", s.name, err)
	}
	return nil
}
