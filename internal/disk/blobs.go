package disk

import (
	"context"
	"fmt"
	"io"
	"slices"

	"rapport/internal/blob"
	"rapport/internal/fault"
)

// OpenBlobs gives a target whose files are enciphered as those of a folder are,
// where it has a ring or is empty and gets one.
func OpenBlobs(ctx context.Context, at blob.Target, k Keys) (blob.Target, error) {
	r, err := place{
		name:  at.Root(),
		read:  func() ([]byte, error) { return at.Get(ctx, RingName) },
		write: func(text []byte) error { return at.Put(ctx, RingName, text) },
		used: func() (bool, error) {
			names, err := at.List(ctx)
			return len(names) > 0, err
		},
	}.open(k)
	if r == nil || err != nil {
		return at, err
	}
	return cipherBlobs{at, r, k.Random}, nil
}

// cipherBlobs is a target whose files are enciphered. Names are not.
type cipherBlobs struct {
	blob.Target
	ring   *ring
	random io.Reader
}

// Put writes a file, enciphered.
func (c cipherBlobs) Put(ctx context.Context, name string, content []byte) error {
	head, k, err := c.ring.newHead(c.random)
	if err != nil {
		return err
	}
	b := append(head, content...)
	k.xor(b[headBytes:], content, 0)
	return c.Target.Put(ctx, name, b)
}

// Get reads a file.
func (c cipherBlobs) Get(ctx context.Context, name string) ([]byte, error) {
	b, err := c.Target.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	k, err := c.ring.read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if k == nil {
		return nil, fault.Errorf(fault.Conflict, "damaged_file", "%s in %s is damaged or not enciphered", name, c.Root())
	}
	b = b[headBytes:]
	k.xor(b, b, 0)
	return b, nil
}

// List gives the names of all files but that of the ring.
func (c cipherBlobs) List(ctx context.Context) ([]string, error) {
	names, err := c.Target.List(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return name == RingName }), err
}
