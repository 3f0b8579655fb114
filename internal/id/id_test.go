package id_test

import (
	"fmt"
	"regexp"
	"testing"

	"rapport/internal/id"
)

func TestKeyOf_TellsNamespaceAndValueApart(t *testing.T) {
	t.Parallel()
	seen := map[id.Key]string{}
	for _, pair := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {"a", "bd"}} {
		k := id.KeyOf(pair[0], pair[1])
		if other, twice := seen[k]; twice {
			t.Errorf("%v has the key of %s", pair, other)
		}
		seen[k] = fmt.Sprint(pair)
	}
	// The keys are on disk: they must never change.
	if got := id.KeyOf("user_id", "ann").String(); got != "e74e4fb15d99db1ff23e78269a97f5be" {
		t.Errorf("the key of user_id:ann is %s", got)
	}
}

func TestBucket_SpreadsKeysEvenly(t *testing.T) {
	t.Parallel()
	const n = 400_000
	var filled [id.Buckets]int
	for i := range n {
		b := id.KeyOf("user_id", fmt.Sprint(i)).Bucket()
		if b >= id.Buckets {
			t.Fatalf("bucket %d is beyond the last", b)
		}
		filled[b]++
	}
	// 97.7 on average with a deviation of 9.9: six deviations leave no doubt.
	for b, got := range filled {
		if got < 38 || got > 158 {
			t.Errorf("bucket %d has %d keys", b, got)
		}
	}
}

func TestUUID_HasItsShape(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, random := range [][16]byte{{}, {0xff, 1, 2, 3, 4, 5, 0xff, 7, 0xff, 9, 10, 11, 12, 13, 14, 0xff}} {
		if got := id.UUID(random); !shape.MatchString(got) {
			t.Errorf("%s is no version 4 UUID", got)
		}
	}
}
