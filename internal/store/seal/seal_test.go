package seal_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"rapport/internal/id"
	"rapport/internal/store/seal"
)

func TestCompress_ComesBackWhateverItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{`"type":"track"`, `"context":{"page":`, "\x00", "ä", "Mozilla/5.0 (", "x", "\xff\xfe"})
		payload := []byte(strings.Join(rapid.SliceOfN(piece, 0, 300).Draw(t, "pieces"), ""))
		payload = append(payload, rapid.SliceOf(rapid.Byte()).Draw(t, "noise")...)
		before := rapid.SliceOf(rapid.Byte()).Draw(t, "before")
		small, form := seal.Compress(bytes.Clone(before), payload)
		if !bytes.Equal(small[:len(before)], before) {
			t.Fatal("what was there before changed")
		}
		if len(small)-len(before) > len(payload) {
			t.Fatalf("%d bytes became %d", len(payload), len(small)-len(before))
		}
		again, err := seal.Expand(bytes.Clone(before), small[len(before):], form)
		if err != nil || !bytes.Equal(again, append(bytes.Clone(before), payload...)) {
			t.Fatalf("came back as %q, %v", again, err)
		}
	})
}

func TestCompress_MakesAnEventLessThanHalf(t *testing.T) {
	t.Parallel()
	event := `{"timestamp":"2026-11-21T23:08:54.123Z","type":"track","event":"Product Viewed","messageId":"ajs-next-1763766534123-5e1f",` +
		`"anonymousId":"0e6a1c53-2b2c-4c2f-9d57-3f1d4a7f8b90","userId":"u81723","properties":{"product_id":"KX-48213","name":"Oak Chair",` +
		`"price":129.50,"quantity":1,"currency":"EUR"},"context":{"ip":"203.0.113.9","locale":"en-GB","userAgent":"Mozilla/5.0 (Macintosh; ` +
		`Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0","page":{"path":"/KX-48213","referrer":"https://www.google.com/",` +
		`"search":"","title":"Oak Chair | Shop","url":"https://shop.example.net/KX-48213"}},"integrations":{}}`
	small, form := seal.Compress(nil, []byte(event))
	if form != seal.Dict1 || len(small)*2 > len(event) {
		t.Fatalf("%d bytes became %d", len(event), len(small))
	}
}

// The dictionary is part of every log that was ever written.
func TestDictionary_NeverChanges(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("dictionary.v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got, want := hex.EncodeToString(sum[:]), "42f0df4f5d0c2304871db832d977b4dc813164e02e4234ec5a524a81d2df82e1"; got != want {
		t.Fatalf("dictionary.v1.txt has the sum %s, want %s: add a second dictionary, never change the first", got, want)
	}
}

func TestExpand_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	if _, err := seal.Expand(nil, []byte("x"), seal.Dict1+1); err == nil {
		t.Fatal("a form of the future was expanded")
	}
	for _, b := range [][]byte{{}, {0xff}, {0xff, 0xff, 0xff, 0xff, 0x0f}, {5}, {5, 0, 'a'}} {
		if _, err := seal.Expand(nil, b, seal.Dict1); !errors.Is(err, seal.ErrDamaged) {
			t.Fatalf("%x: %v", b, err)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", `{"type":"track","event":"Order Completed"}`, strings.Repeat("abc", 1000)} {
		small, _ := seal.Compress(nil, []byte(s))
		f.Add(small)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := seal.Expand(nil, b, seal.Dict1)
		if err != nil && !errors.Is(err, seal.ErrDamaged) {
			t.Fatal(err)
		}
		if err != nil && len(out) != 0 {
			t.Fatal("damaged bytes gave something")
		}
	})
}

func anchor(i int) id.Key { return id.KeyOf("user_id", fmt.Sprint(i)) }

func lease(t testing.TB, k *seal.Keyring, a id.Key) seal.Lease {
	t.Helper()
	l, err := k.Lease(a)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestKeyring_NoKeyAndNonceComeTwice(t *testing.T) {
	t.Parallel()
	const anchors, rounds, workers = 60_000, 2, 4 // more anchors than the ring holds
	k := seal.NewKeyring(0, 100, rand.Reader)
	type use struct {
		secret [seal.KeyBytes]byte
		nonce  uint64
	}
	var mu sync.Mutex
	seen, owner := map[use]bool{}, map[seal.KeyID]id.Key{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range anchors * rounds / workers {
				l := lease(t, k, anchor(i%anchors))
				mu.Lock()
				if u := (use{l.Secret, l.Nonce}); seen[u] {
					t.Error("a nonce came twice with the same key")
				} else {
					seen[u] = true
				}
				if a, ok := owner[l.ID]; ok && a != l.Anchor || l.ID < 100 {
					t.Errorf("key %d belongs to two anchors", l.ID)
				}
				owner[l.ID] = l.Anchor
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestKeyring_KeepsTheKeyOfABusyAnchor(t *testing.T) {
	t.Parallel()
	k := seal.NewKeyring(0, 1, rand.Reader)
	first := lease(t, k, anchor(0))
	for i := range 100_000 {
		lease(t, k, anchor(1+i))
		if again := lease(t, k, anchor(0)); again.ID != first.ID {
			t.Fatalf("after %d other anchors the key was made anew", i)
		}
	}
}

func TestKeyring_ForgottenAnchorGetsANewKey(t *testing.T) {
	t.Parallel()
	k := seal.NewKeyring(0, 1, rand.Reader)
	old := lease(t, k, anchor(1))
	k.Durable(&old.Key)
	if !lease(t, k, anchor(1)).Durable {
		t.Fatal("a key that is on disk is not known to be")
	}
	epoch := k.Epoch()
	below := k.Forget(anchor(1))
	if k.Epoch() == epoch || old.ID >= below {
		t.Fatalf("epoch %d, key %d, below %d", k.Epoch(), old.ID, below)
	}
	k.Durable(&old.Key) // too late
	fresh := lease(t, k, anchor(1))
	if fresh.ID < below || fresh.Secret == old.Secret || fresh.Durable {
		t.Fatalf("after Forget the key is %+v", fresh)
	}
}

func TestKeyring_PassesOnThatThereIsNoRandomness(t *testing.T) {
	t.Parallel()
	k := seal.NewKeyring(0, 1, iotest.ErrReader(io.ErrClosedPipe))
	if _, err := k.Lease(anchor(1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("error is %v", err)
	}
}

func TestCiphers_GiveTheCipherOfTheKeyAsked(t *testing.T) {
	t.Parallel()
	c := seal.NewCiphers(0)
	nonce := seal.Nonce(1)
	for i := range 200 { // more than there is room for
		key := seal.Key{ID: seal.KeyID(i), Secret: [seal.KeyBytes]byte{byte(i), 1}}
		made, err := c.Put(&key)
		if err != nil {
			t.Fatal(err)
		}
		text := made.Seal(nil, nonce[:], []byte("plain"), nil)
		for j := range i + 1 {
			aead := c.Get(seal.KeyID(j))
			if aead == nil {
				continue
			}
			if _, err := aead.Open(nil, nonce[:], text, nil); (err == nil) != (i == j) {
				t.Fatalf("key %d opens what key %d sealed: %v", j, i, err)
			}
		}
		c.Drop(key.ID + 16) // another key of the same place
		if c.Get(key.ID) == nil {
			t.Fatal("dropping one key dropped another")
		}
		if i%3 == 0 {
			c.Drop(key.ID)
			if c.Get(key.ID) != nil {
				t.Fatal("a dropped cipher is still there")
			}
		}
	}
}

func TestCompress_ComesBackAtEveryLength(t *testing.T) {
	t.Parallel()
	word, err := os.ReadFile("dictionary.v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 40_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	same := bytes.Repeat([]byte("7"), 40_000)
	for _, n := range []int{23, 24, 25, 31, 64, 65, 68, 69, 127, 128, 259, 260, 261, 330, 520, 6_000, 6_044, 32<<10 - 1, 32 << 10, 32<<10 + 1, 40_000} {
		for _, payload := range [][]byte{
			noise[:n], same[:n], word[len(word)-min(n, len(word)):], word[:min(n, len(word))],
			slices.Concat(noise[:5], word[:min(n, len(word))], noise[5:n%300+5], same[:n], word[100:300]),
			slices.Concat(noise[:n/2], noise[:n/2], []byte("tail")),
		} {
			small, form := seal.Compress(nil, payload)
			if again, err := seal.Expand(nil, small, form); err != nil || !bytes.Equal(again, payload) {
				t.Fatalf("%d bytes came back as %d, %v", len(payload), len(again), err)
			}
		}
	}
}

func FuzzCompress(f *testing.F) {
	for _, s := range []string{"", `{"type":"track","event":"Order Completed","type":"track"}`, strings.Repeat("abc", 1000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 { // what the first left behind must not matter
			small, form := seal.Compress(nil, b)
			if again, err := seal.Expand(nil, small, form); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%q came back as %q, %v", b, again, err)
			}
		}
	})
}
