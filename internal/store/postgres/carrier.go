package postgres

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"rapport/internal/fault"
	"rapport/internal/store"
)

const (
	secretBytes = 32 // AES-256
	tagBytes    = 16 // of GCM
)

// carried is a block outside the database.
type carried struct {
	store.Place
	secret []byte
}

// opener is the cipher of one block. A secret is used once, so the nonce is zero.
func opener(secret []byte) (aead cipher.AEAD, nonce []byte, err error) {
	b, err := aes.NewCipher(secret)
	if err != nil {
		return nil, nil, fmt.Errorf("the secret of a block: %w", err)
	}
	aead, err = cipher.NewGCM(b)
	if err != nil {
		return nil, nil, fmt.Errorf("the secret of a block: %w", err)
	}
	return aead, make([]byte, aead.NonceSize()), nil
}

// address binds a block to its place in the log.
func address(begins int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(begins)) }

// carry gives blocks to the carrier, each under a secret of its own. Those that
// it does not take stay in the database.
func (l *Log) carry(ctx context.Context, blocks []block) error {
	if l.options.Carrier == nil {
		return nil
	}
	var closed [][]byte
	var whose []int
	for i := range blocks {
		b := &blocks[i]
		b.away = nil
		if len(b.bytes)+tagBytes > l.options.Carrier.Largest() {
			continue
		}
		secret := make([]byte, secretBytes)
		if _, err := io.ReadFull(l.options.Random, secret); err != nil {
			return fmt.Errorf("drawing the secret of a block: %w", err)
		}
		aead, nonce, err := opener(secret)
		if err != nil {
			return err
		}
		b.away = &carried{secret: secret}
		closed, whose = append(closed, aead.Seal(nil, nonce, b.bytes, address(b.begins))), append(whose, i)
	}
	if len(closed) == 0 {
		return nil
	}
	places, err := l.options.Carrier.Put(ctx, closed)
	if err != nil {
		return fmt.Errorf("writing %d blocks outside the database: %w", len(closed), err)
	}
	for n, i := range whose {
		blocks[i].away.Place = places[n]
	}
	return nil
}

// fetch gets the bytes of those blocks that are outside the database.
func (l *Log) fetch(ctx context.Context, blocks []block) error {
	var places []store.Place
	var whose []int
	for i := range blocks {
		b := &blocks[i]
		if b.away == nil {
			continue
		}
		if b.bytes = l.recent.get(b.away.Place); b.bytes == nil {
			places, whose = append(places, b.away.Place), append(whose, i)
		}
	}
	if len(places) == 0 {
		return nil
	}
	if l.options.Carrier == nil {
		return errNoCarrier
	}
	closed, err := l.options.Carrier.Get(ctx, places)
	if err != nil {
		return fmt.Errorf("reading blocks outside the database: %w", err)
	}
	for n, i := range whose {
		b := &blocks[i]
		aead, nonce, err := opener(b.away.secret)
		if err != nil {
			return err
		}
		if b.bytes, err = aead.Open(nil, nonce, closed[n], address(b.begins)); err != nil {
			return fmt.Errorf("the block at address %d is another one: %w", b.begins, store.ErrNoBlock)
		}
		l.recent.put(b.away.Place, b.bytes)
	}
	return nil
}

var errNoCarrier = fault.Errorf(fault.Conflict, "log_elsewhere", "parts of the log are outside the database: set log_store to the kafka:// address that it had")

// columns of a block's row that say where it is; none where it is in the row.
func (b *block) columns() (bytes []byte, partition *int32, offset *int64, secret []byte) {
	if a := b.away; a != nil {
		return nil, &a.Partition, &a.Offset, a.secret
	}
	return b.bytes, nil, nil, nil
}

// scan reads a row of blockColumns. The bytes of a block that is away come by fetch.
func (b *block) scan(row pgx.CollectableRow) error {
	var partition *int32
	var offset *int64
	var secret []byte
	if err := row.Scan(&b.begins, &b.ends, &b.bytes, &partition, &offset, &secret); err != nil {
		return err
	}
	if b.bytes == nil && partition != nil && offset != nil {
		b.away = &carried{store.Place{Partition: *partition, Offset: *offset}, secret}
	}
	return nil
}

const blockColumns = `begins, ends, bytes, topic_partition, topic_offset, topic_secret`

// look gets the oldest and the newest block outside the database, so that a topic
// which is another one, or forgets, is found before anything is written.
func (l *Log) look(ctx context.Context) error {
	for _, order := range []string{"ASC", "DESC"} {
		ask := `SELECT ` + blockColumns + ` FROM log_blocks WHERE part = $1 AND bytes IS NULL ORDER BY ends ` + order + ` LIMIT 1`
		rows, err := l.pool.Query(ctx, ask, part)
		if err != nil {
			return fmt.Errorf("looking at the log: %w", err)
		}
		found, err := pgx.CollectRows(rows, scanBlock)
		if err != nil {
			return fmt.Errorf("looking at the log: %w", err)
		}
		err = l.fetch(ctx, found)
		if errors.Is(err, store.ErrNoBlock) {
			return fault.Errorf(fault.Conflict, "log_elsewhere",
				"the topic does not have the block of the log at address %d: give the topic that it was written to, and never let it delete: %w", found[0].begins, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func scanBlock(row pgx.CollectableRow) (b block, err error) { return b, b.scan(row) }

// recent keeps blocks that were fetched a moment ago: whoever reads one record
// often reads its neighbours.
type recent []atomic.Pointer[fetched]

type fetched struct {
	at    store.Place
	bytes []byte
}

// newRecent makes a cache of at most about the given bytes, for blocks of a size.
func newRecent(memory, largest int) recent { return make(recent, max(4, memory/max(largest, 1))) }

func (r recent) slot(p store.Place) *atomic.Pointer[fetched] {
	return &r[(uint64(p.Offset)*31+uint64(p.Partition))%uint64(len(r))]
}

func (r recent) get(p store.Place) []byte {
	if len(r) == 0 {
		return nil
	}
	if f := r.slot(p).Load(); f != nil && f.at == p {
		return f.bytes
	}
	return nil
}

func (r recent) put(p store.Place, bytes []byte) { r.slot(p).Store(&fetched{p, bytes}) }
