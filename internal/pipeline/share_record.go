package pipeline

import (
	"encoding/binary"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

var errShare = errors.New("share is damaged or erased")

// shareRecord is the payload of KindShare: all that an anchor knows, for the
// home of its person.
type shareRecord struct {
	home id.Key
	from id.Key
	// version is the position of the last record that the sender applied to
	// itself. Of two shares of a sender the one with the larger version counts.
	version    store.Position
	generation uint64 // the backfill that filled what the sender keeps, if one did
	cut        bool   // only what of the anchor is the person's
	// news is the time of the newest event that led to it, zero where none did,
	// newsHistorical where all of them are history: what is planned asks.
	news clock.Instant
	row  []byte // as shareRow made it
}

func (s *shareRecord) append(b []byte) []byte {
	b = append(append(b, s.home[:]...), s.from[:]...)
	b = binary.AppendUvarint(b, uint64(s.version))
	b = append(binary.AppendUvarint(b, s.generation), rows.Flag(s.cut))
	return append(binary.AppendVarint(b, int64(s.news)), s.row...)
}

func readShare(payload []byte) (s shareRecord, err error) {
	r := rows.Cursor{B: payload}
	copy(s.home[:], r.Take(16))
	copy(s.from[:], r.Take(16))
	s.version, s.generation, s.cut = store.Position(r.Uvarint()), r.Uvarint(), r.Byte() == 1
	s.news = clock.Instant(r.Varint())
	if r.Bad || len(r.B) == 0 {
		return s, errShare
	}
	s.row = r.B
	return s, nil
}
