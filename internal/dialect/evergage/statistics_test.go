package evergage

import (
	"math/rand/v2"
	"testing"
	"time"

	"rapport/internal/responder"
)

func TestExperienceID_SaysAllThatAnOutcomeNeeds(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	word := func() string {
		letters := []rune("ab1~%-_. /äé\x00\"&")
		b := make([]rune, 1+r.IntN(12))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	for range 500 {
		want := responder.OutcomeProperties{DecisionID: word(), Placement: word(), Experience: word(), Version: r.IntN(99), Variant: word(), Channel: word()}
		if got, ok := readExperienceID(experienceID(&want)); !ok || got != want {
			t.Fatalf("%+v became %+v, %v", want, got, ok)
		}
	}
	for _, other := range []string{"", "x7dK2", "r~", "r~~hero~~0~~web", "r~d~~~0~~web", "r~d~hero~~x~~web", "r~d~hero~~0~~%zz", "r~d~hero~~0~~web~more"} {
		if got, ok := readExperienceID(other); ok {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
}
