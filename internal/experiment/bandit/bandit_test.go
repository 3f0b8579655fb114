package bandit_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"rapport/internal/experiment/bandit"
)

func TestThompson_IsTheChanceToBeBest(t *testing.T) {
	t.Parallel()
	arms := []bandit.Arm{{N: 1000, Sum: 100, Conversion: true}, {N: 900, Sum: 110, Conversion: true}, {N: 1200, Sum: 125, Conversion: true}}
	got := bandit.Thompson(arms, bandit.Plan{MinUnits: 100})
	r := rand.New(rand.NewPCG(1, 2))
	wins := make([]float64, len(arms))
	const draws = 400_000
	for range draws {
		most, at := math.Inf(-1), 0
		for i, a := range arms {
			s, f := a.Sum+1, a.N-a.Sum+1
			n := s + f
			if v := s/n + r.NormFloat64()*math.Sqrt(s*f/(n*n*(n+1))); v > most {
				most, at = v, i
			}
		}
		wins[at]++
	}
	for i := range arms {
		if d := math.Abs(float64(got[i])/bandit.Whole - wins[i]/draws); d > 0.003 {
			t.Errorf("arm %d has %d, draws say %g", i, got[i], wins[i]/draws*bandit.Whole)
		}
	}
}

func TestThompson_KeepsTheFloorAndWaitsForPeople(t *testing.T) {
	t.Parallel()
	clear := []bandit.Arm{{N: 1000, Sum: 10, Conversion: true}, {N: 1000, Sum: 500, Conversion: true}}
	for name, c := range map[string]struct {
		arms []bandit.Arm
		plan bandit.Plan
		want [2]int
	}{
		"floor":   {clear, bandit.Plan{Floor: 0.05, MinUnits: 100}, [2]int{500, 9500}},
		"inverse": {clear, bandit.Plan{Floor: 0.05, MinUnits: 100, Inverse: true}, [2]int{9500, 500}},
		"few":     {clear, bandit.Plan{Floor: 0.05, MinUnits: 1001}, [2]int{5000, 5000}},
		"same":    {[]bandit.Arm{{N: 500, Sum: 0}, {N: 500, Sum: 0}}, bandit.Plan{MinUnits: 1}, [2]int{5000, 5000}},
	} {
		if got := bandit.Thompson(c.arms, c.plan); got[0] != c.want[0] || got[1] != c.want[1] {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}

func TestThompson_MovesToTheBestArmInASimulation(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	rates := []float64{0.04, 0.05, 0.08}
	arms := make([]bandit.Arm, 3)
	for i := range arms {
		arms[i].Conversion = true
	}
	var shares []int
	for range 100 {
		shares = bandit.Thompson(arms, bandit.Plan{Floor: 0.01, MinUnits: 100})
		for range 200 {
			at, i := r.IntN(bandit.Whole), 0
			for at >= shares[i] {
				at -= shares[i]
				i++
			}
			arms[i].N++
			if r.Float64() < rates[i] {
				arms[i].Sum++
			}
		}
	}
	if shares[2] < 9000 || shares[0] < 100 || shares[1] < 100 {
		t.Errorf("after 20,000 people the shares are %v", shares)
	}
}

func TestFit_FindsTheLine(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	want := []float64{2, -3, 0.5}
	var sums [4][4]float64
	for range 20_000 {
		x := []float64{1, r.NormFloat64(), r.Float64(), 0}
		x[3] = want[0] + want[1]*x[1] + want[2]*x[2] + r.NormFloat64()*0.1
		for i := range x {
			for j := range x {
				sums[i][j] += x[i] * x[j]
			}
		}
	}
	m, ok := bandit.Fit(2, func(i, j int) float64 { return sums[i][j] })
	if !ok {
		t.Fatal("no model")
	}
	for i := range want {
		if math.Abs(m[i]-want[i]) > 0.01 {
			t.Errorf("coefficient %d is %g, not %g", i, m[i], want[i])
		}
	}
	if v := m.Value([]float64{1, 2}); math.Abs(v-0) > 0.05 {
		t.Errorf("value %g", v)
	}
}

func TestInverse_GivesLessTheFurtherBehind(t *testing.T) {
	t.Parallel()
	got := bandit.Inverse([]float64{1, 3, 2}, 10, bandit.Plan{Floor: 0.001})
	// 1/(3+10·2), the rest, 1/(3+10·1).
	for i, want := range []float64{1. / 23, 1 - 1./23 - 1./13, 1. / 13} {
		if math.Abs(float64(got[i])/bandit.Whole-want) > 0.003 {
			t.Errorf("share %d is %d, not %g", i, got[i], want*bandit.Whole)
		}
	}
}

func TestOffPolicy_FindsTheTruthOfAnotherWay(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	rates, logging, target := []float64{0.1, 0.3, 0.2}, []float64{0.6, 0.1, 0.3}, []float64{0.1, 0.8, 0.1}
	truth := 0.1*0.1 + 0.8*0.3 + 0.1*0.2
	inside := [3]int{}
	const rounds = 400
	for range rounds {
		var s bandit.Sums
		for range 1000 {
			u, a := r.Float64(), 0
			for u >= logging[a] {
				u -= logging[a]
				a++
			}
			reward := 0.0
			if r.Float64() < rates[a] {
				reward = 1
			}
			// A model that is wrong by a tenth of everything.
			s.Add(bandit.Logged{Propensity: logging[a], Target: target[a], Reward: reward, Expected: 0.9 * rates[a], Value: 0.9 * truth})
		}
		got := s.Result()
		for i, e := range []bandit.Estimate{got.IPS, got.SNIPS, got.DR} {
			if e.Low <= truth && truth <= e.High {
				inside[i]++
			}
		}
		if got.Effective < 100 || got.Warning != "" {
			t.Fatalf("%+v", got)
		}
	}
	for i, n := range inside {
		if share := float64(n) / rounds; share < 0.91 || share > 0.985 {
			t.Errorf("estimate %d holds the truth in %g of all rounds", i, share)
		}
	}
	var few bandit.Sums
	for range 50 {
		few.Add(bandit.Logged{Propensity: 0.5, Target: 1, Reward: 1})
	}
	few.Add(bandit.Logged{})
	if got := few.Result(); got.Warning == "" || got.Unlikely != 1 {
		t.Errorf("%+v", got)
	}
}
