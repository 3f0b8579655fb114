package consent_test

import (
	"crypto/aes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/id"
)

func TestSubject_IsAnAESCMAC(t *testing.T) {
	t.Parallel()
	// The key that NewHasher derives, and the CMAC computed by the letter of SP
	// 800-38B.
	outer, _ := aes.NewCipher(make([]byte, 16))
	key := make([]byte, 16)
	outer.Encrypt(key, []byte("rapport erasures"))
	b, _ := aes.NewCipher(key)
	l := make([]byte, 16)
	b.Encrypt(l, l)
	msb := l[0] & 0x80
	k1 := make([]byte, 16)
	for i := range k1 {
		k1[i] = l[i] << 1
		if i < 15 && l[i+1]&0x80 != 0 {
			k1[i] |= 1
		}
	}
	if msb != 0 {
		k1[15] ^= 0x87
	}
	k := id.KeyOf("email", "ada@example.com")
	want := make([]byte, 16)
	for i := range want {
		want[i] = k[i] ^ k1[i]
	}
	b.Encrypt(want, want)
	if got := consent.NewHasher([16]byte{}).Subject(k); got.String() != hex.EncodeToString(want) {
		t.Errorf("subject is %s, want %x", got, want)
	}
}

func TestErased_DependsOnTheSetAlone(t *testing.T) {
	t.Parallel()
	h := consent.NewHasher([16]byte{7})
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := make([]consent.Erasure, 1+r.IntN(20))
		for i := range list {
			list[i] = consent.Erasure{Subject: h.Subject(id.KeyOf("user_id", string(rune('a'+r.IntN(4))))), Time: clock.Instant(r.IntN(5))}
		}
		a, b := consent.NewErased(h), consent.NewErased(h)
		a = a.With(list...)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, e := range list {
			b = b.With(e).With(e)
		}
		if !slices.Equal(a.All(), b.All()) || a.Most() != b.Most() {
			t.Fatalf("seed %d: %v and %v", seed, a.All(), b.All())
		}
		for c := 'a'; c < 'e'; c++ {
			k := id.KeyOf("user_id", string(c))
			want, n := clock.Instant(0), map[clock.Instant]bool{}
			for _, e := range list {
				if e.Subject == h.Subject(k) {
					want, n[e.Time] = max(want, e.Time), true
				}
			}
			if a.Until(k) != want || a.Generation(k) != len(n) {
				t.Fatalf("seed %d: until %d, generation %d, want %d, %d", seed, a.Until(k), a.Generation(k), want, len(n))
			}
		}
	}
}

func TestErased_RefusesWhatHappenedBefore(t *testing.T) {
	t.Parallel()
	e := consent.NewErased(consent.NewHasher([16]byte{}))
	ada, bob := event.Identifier{Namespace: "email", Value: "ada@example.com"}, event.Identifier{Namespace: "user_id", Value: "bob"}
	ev := &event.Event{Time: 10, Identifiers: []event.Identifier{ada}}
	if e.Refuses(ev) {
		t.Error("nobody was erased")
	}
	e = e.With(e.Erasure(ada.Key(), 10))
	for at, want := range map[clock.Instant]bool{9: true, 10: true, 11: false} {
		ev.Time = at
		if e.Refuses(ev) != want {
			t.Errorf("at %d: refused is %t", at, !want)
		}
	}
	ev.Time, ev.Identifiers = 5, []event.Identifier{bob, ada}
	if e.Refuses(ev) {
		t.Error("another person's event was refused")
	}
	if e.Strip(ev); len(ev.Identifiers) != 1 || ev.Identifiers[0] != bob {
		t.Errorf("another person's event names %v", ev.Identifiers)
	}
	ev.Time, ev.Identifiers = 11, []event.Identifier{bob, ada}
	if e.Strip(ev); len(ev.Identifiers) != 2 {
		t.Errorf("who came back is not named in %v", ev.Identifiers)
	}
}

func TestLedger_ComesBackWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := consent.NewHasher([16]byte{1})
	list := []consent.Erasure{{h.Subject(id.Key{1}), 1_700_000_000_123_456}, {h.Subject(id.Key{2}), 5}}
	text := consent.AppendLedger(nil, list)
	got, err := consent.ReadLedger(text)
	if err != nil || !slices.Equal(got, list) {
		t.Fatalf("came back as %v, %v", got, err)
	}
	for n := range len(text) {
		if _, err := consent.ReadLedger(text[:n]); err == nil {
			t.Errorf("a ledger of %d of %d bytes was read", n, len(text))
		}
	}
}

func FuzzReadLedger(f *testing.F) {
	f.Add(consent.AppendLedger(nil, []consent.Erasure{{Time: 5}}))
	f.Add([]byte("rapport erasures 1\n1 erasures\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := consent.ReadLedger(b)
		if err != nil {
			return
		}
		again, err := consent.ReadLedger(consent.AppendLedger(nil, list))
		if err != nil || !slices.Equal(again, list) {
			t.Errorf("%q: %v, then %v, %v", b, list, again, err)
		}
	})
}
