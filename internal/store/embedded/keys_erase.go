package embedded

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/id"
	"rapport/internal/store/seal"
)

// scanSlots is how many slots a search reads at once.
const scanSlots = 16 << 10

// find gives the keys of anchors among those below an id. It reads every key
// file once from end to end, 40 MB per million keys: erasing is rare, and an
// index would be paid for by every new visitor.
func (k *keys) find(ctx context.Context, anchors map[id.Key]bool, below seal.KeyID) ([]seal.KeyID, error) {
	k.mu.RLock()
	end := min(uint64(below), k.slots)
	k.mu.RUnlock()
	var out []seal.KeyID
	err := k.each(ctx, end, func(number uint64, slot []byte) error {
		if slot[0] != slotNone && anchors[id.Key(slot[slotAnchor:slotSecret])] {
			out = append(out, seal.KeyID(number))
		}
		return nil
	})
	return out, err
}

// each visits the slots below an id, those that were never written too, but not
// those of files that are not there.
func (k *keys) each(ctx context.Context, end uint64, visit func(number uint64, slot []byte) error) error {
	buf := make([]byte, scanSlots*slotBytes)
	for first := uint64(0); first < end; first += scanSlots {
		if err := ctx.Err(); err != nil {
			return err
		}
		k.mu.RLock()
		file := k.files[first/slotsOfFile]
		k.mu.RUnlock()
		if file == nil {
			continue
		}
		want := min(scanSlots, end-first) * slotBytes
		n, err := readAt(file, buf[:want], slotOffset(seal.KeyID(first)))
		if err != nil {
			return fmt.Errorf("reading data keys: %w", err)
		}
		clear(buf[n:want])
		for at := 0; at < int(want); at += slotBytes {
			if err := visit(first+uint64(at/slotBytes), buf[at:at+slotBytes]); err != nil {
				return err
			}
		}
	}
	return nil
}

// destroy overwrites keys. It marks them first and wipes them then, so that a
// crash between the two leaves slots that are erased, not damaged, and that the
// next search finds again. Whose they were goes last: what cannot be found any
// more has nothing left to destroy.
func (k *keys) destroy(erased []seal.KeyID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	wipes := []struct {
		offset int64
		bytes  []byte
	}{
		{0, []byte{slotErased}},
		{slotSecret, make([]byte, seal.KeyBytes)},
		{slotAnchor, make([]byte, slotSecret-slotAnchor)},
	}
	for _, w := range wipes {
		touched := map[vfs.File]bool{}
		for _, key := range erased {
			file := k.files[uint64(key)/slotsOfFile]
			if _, err := file.WriteAt(append([]byte(nil), w.bytes...), slotOffset(key)+w.offset); err != nil {
				return fmt.Errorf("erasing data key %d: %w", key, err)
			}
			touched[file] = true
		}
		for file := range touched {
			if err := file.SyncData(); err != nil {
				return fmt.Errorf("erasing data keys: %w", err)
			}
		}
	}
	for _, key := range erased {
		k.opened.Drop(key)
	}
	return nil
}
