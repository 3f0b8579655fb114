package postgres

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store/seal"
)

// pieceBytes is how large the pieces are in which a file is kept: of one that
// grows at its end only the last is written again.
const pieceBytes = 256 << 10

// File is a small file that goes where the lease goes.
type File struct {
	Name  string
	Bytes []byte
}

// fileKey opens files; it is made of the master key, so that the database alone
// reads none.
func (s *session) fileKey() (cipher.AEAD, error) {
	block, err := aes.NewCipher(seal.Derive(s.options.Master, "files of nodes"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// PutFile keeps a file, of which same pieces at the front are there already, and
// makes that durable. It fails where another node holds the lease.
func (s *Store) PutFile(ctx context.Context, f File, same int) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.writeFile(ctx, f.Name, func(tx pgx.Tx) error { return s.putFile(ctx, tx, f, same) })
}

func (s *session) putFile(ctx context.Context, tx pgx.Tx, f File, same int) error {
	aead, err := s.fileKey()
	if err != nil {
		return err
	}
	var pieces [][]byte
	var numbers []int32
	for n := same; n*pieceBytes < len(f.Bytes) || n == 0; n++ {
		sealed := make([]byte, aead.NonceSize(), aead.NonceSize()+pieceBytes+aead.Overhead())
		if _, err := io.ReadFull(s.options.Random, sealed); err != nil {
			return fmt.Errorf("drawing a nonce: %w", err)
		}
		clear := f.Bytes[n*pieceBytes : min((n+1)*pieceBytes, len(f.Bytes))]
		pieces = append(pieces, aead.Seal(sealed, sealed, clear, place(f.Name, n)))
		numbers = append(numbers, int32(n))
	}
	const put = `INSERT INTO node_files (name, piece, bytes) SELECT $1, * FROM unnest($2::integer[], $3::bytea[])
		ON CONFLICT (name, piece) DO UPDATE SET bytes = excluded.bytes`
	if len(numbers) > 0 {
		if _, err := tx.Exec(ctx, put, f.Name, numbers, pieces); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM node_files WHERE name = $1 AND piece >= $2`, f.Name, max(same+len(numbers), 1))
	return err
}

// DropFile forgets a file. It fails where another node holds the lease.
func (s *Store) DropFile(ctx context.Context, name string) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.writeFile(ctx, name, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM node_files WHERE name = $1`, name)
		return err
	})
}

func (s *Store) writeFile(ctx context.Context, name string, write func(tx pgx.Tx) error) error {
	err := s.fenced(func(epoch int64) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fence, part, epoch); err != nil {
				return err
			}
			return write(tx)
		})
	})
	if err != nil {
		return fmt.Errorf("sharing the file %s: %w", name, err)
	}
	return nil
}

// Files gives all that are kept, by name.
func (s *Store) Files(ctx context.Context) ([]File, error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.files(ctx, "")
}

// ReadFile gives one file without opening a store; nil: there is none, or there
// are no tables yet.
func ReadFile(ctx context.Context, options Options, name string) ([]byte, error) {
	o := options.filled()
	o.Connections = 1
	pool, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	var there bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass('node_files') IS NOT NULL`).Scan(&there); err != nil || !there {
		return nil, err
	}
	files, err := (&session{pool: pool, options: o}).files(ctx, name)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	return files[0].Bytes, nil
}

// files gives the one with a name; an empty name: all.
func (s *session) files(ctx context.Context, only string) ([]File, error) {
	aead, err := s.fileKey()
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `SELECT name, piece, bytes FROM node_files WHERE name = $1 OR $1 = '' ORDER BY name, piece`, only)
	if err != nil {
		return nil, fmt.Errorf("reading the shared files: %w", translate(err))
	}
	defer rows.Close()
	var out []File
	for next := 0; rows.Next(); next++ {
		var name string
		var piece int
		var sealed []byte
		if err := rows.Scan(&name, &piece, &sealed); err != nil {
			return nil, fmt.Errorf("reading the shared files: %w", translate(err))
		}
		if n := len(out); n == 0 || out[n-1].Name != name {
			out, next = append(out, File{Name: name}), 0
		}
		f := &out[len(out)-1]
		if piece != next || len(sealed) < aead.NonceSize() {
			return nil, fmt.Errorf("the shared file %s lacks piece %d", name, next)
		}
		nonce := sealed[:aead.NonceSize()]
		if f.Bytes, err = aead.Open(f.Bytes, nonce, sealed[len(nonce):], place(name, piece)); err != nil {
			return nil, fmt.Errorf("the shared file %s cannot be opened with this master key: %w", name, err)
		}
	}
	return out, translate(rows.Err())
}

// place ties a piece to where it belongs.
func place(name string, piece int) []byte { return fmt.Appendf(nil, "%d %s", piece, name) }

// Sum is that of a piece of a file.
type Sum [sha256.Size]byte

// Sums are those of the pieces in which a text is kept. An empty one is one piece.
func Sums(text []byte) (out []Sum) {
	for n := 0; n*pieceBytes < len(text) || n == 0; n++ {
		out = append(out, sha256.Sum256(text[n*pieceBytes:min((n+1)*pieceBytes, len(text))]))
	}
	return out
}

// Pieces is how many pieces at the front of two texts are the same, by their sums.
func Pieces(before, after []Sum) (same int) {
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	return same
}
