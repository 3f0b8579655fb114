package trial

import (
	"math"
	"math/big"
	"math/bits"
)

// places is how many values a person has per metric.
const places = len(Values{})

// pairs is how many products two of them make.
const pairs = places * (places + 1) / 2

// Sums are those of a metric over people: of each value and of each product of
// two. They are exact; what was added can be taken away again.
type Sums struct {
	N        int64
	values   [places]big.Int
	products [pairs]big.Int
	sizes    map[int16]*Sums // by size of the numerator; nil: not kept
}

// Cell is what is kept for the people of one variant, phase and day.
type Cell struct {
	People  int64
	Metrics []Sums
}

func pairOf(i, j int) int {
	if i > j {
		i, j = j, i
	}
	return i*places - i*(i-1)/2 + j - i
}

// add takes a person in, or out where sign is -1.
func (s *Sums) add(v *Values, sign int64, fine bool) {
	s.N += sign
	var a, b big.Int
	for i := range v {
		if v[i] == 0 {
			continue
		}
		a.SetInt64(v[i] * sign)
		s.values[i].Add(&s.values[i], &a)
		for j := i; j < places; j++ {
			if v[j] == 0 {
				continue
			}
			b.SetInt64(v[j])
			b.Mul(&a, &b)
			p := &s.products[pairOf(i, j)]
			p.Add(p, &b)
		}
	}
	if !fine {
		return
	}
	if s.sizes == nil {
		s.sizes = map[int16]*Sums{}
	}
	size := sizeOf(v[Numerator])
	x := s.sizes[size]
	if x == nil {
		x = &Sums{}
		s.sizes[size] = x
	}
	x.add(v, sign, false)
	if x.N == 0 {
		delete(s.sizes, size)
	}
}

// merge adds another's sums.
func (s *Sums) merge(o *Sums) {
	s.N += o.N
	for i := range s.values {
		s.values[i].Add(&s.values[i], &o.values[i])
	}
	for i := range s.products {
		s.products[i].Add(&s.products[i], &o.products[i])
	}
	for size, x := range o.sizes {
		if s.sizes == nil {
			s.sizes = map[int16]*Sums{}
		}
		if s.sizes[size] == nil {
			s.sizes[size] = &Sums{}
		}
		s.sizes[size].merge(x)
	}
}

// Sum is that of a value.
func (s *Sums) Sum(place int) float64 { return scaled(&s.values[place], Unit) }

// Product is the sum of the products of two values of each person.
func (s *Sums) Product(i, j int) float64 { return scaled(&s.products[pairOf(i, j)], Unit*Unit) }

func scaled(n *big.Int, by float64) float64 {
	f, _ := new(big.Float).SetInt(n).Float64()
	return f / by
}

// fineness is how many bits of a size are kept behind its first one: sizes that
// differ by less than a hundredth part may be one.
const fineness = 7

// sizeOf orders values by size; what is not positive is 0.
func sizeOf(v int64) int16 {
	if v <= 0 {
		return 0
	}
	n := bits.Len64(uint64(v))
	rest := uint64(v)
	if n > fineness+1 {
		rest >>= n - fineness - 1
	} else {
		rest <<= fineness + 1 - n
	}
	return int16(n<<fineness | int(rest&(1<<fineness-1)))
}

// upperOf is the largest value of a size.
func upperOf(size int16) int64 {
	if size == 0 {
		return 0
	}
	n := int(size) >> fineness
	rest := int64(size)&(1<<fineness-1) | 1<<fineness
	if n > fineness+1 {
		return (rest+1)<<(n-fineness-1) - 1
	}
	return rest >> (fineness + 1 - n)
}

// Quantile is the value that a share of people does not exceed, to a hundredth
// part of it, with the bounds of its 95 % interval by the ranks that a binomial
// count may fall to.
func (s *Sums) Quantile(share float64) (estimate, low, high float64) {
	const z = 1.959964
	n := float64(s.N)
	spread := z * math.Sqrt(n*share*(1-share))
	at := s.ranks()
	return at(n * share), at(n*share - spread), at(n*share + spread)
}

// ranks gives the value at a rank.
func (s *Sums) ranks() func(rank float64) float64 {
	sizes := s.sorted()
	return func(rank float64) float64 {
		rank = math.Min(math.Max(math.Ceil(rank), 1), float64(s.N))
		sum := int64(0)
		for _, size := range sizes {
			x := s.sizes[size]
			if before := sum; float64(before+x.N) >= rank {
				return x.Sum(Numerator) / float64(x.N) // of nearly equal values the mean
			}
			sum += x.N
		}
		return 0
	}
}

// CapAt is the value that a share of those above zero does not exceed.
func (s *Sums) CapAt(share float64) int64 {
	positive, sum := int64(0), int64(0)
	sizes := s.sorted()
	for _, size := range sizes {
		if size > 0 {
			positive += s.sizes[size].N
		}
	}
	for _, size := range sizes {
		if size == 0 {
			continue
		}
		if sum += s.sizes[size].N; float64(sum) >= share*float64(positive) {
			return upperOf(size)
		}
	}
	return 0
}

// Capped are the sums where each numerator counts at most so much. most must be
// what CapAt gave for these sums or others that they are a part of.
func (s *Sums) Capped(most int64) *Sums {
	out := &Sums{}
	limit := big.NewInt(most)
	for size, x := range s.sizes {
		if upperOf(size) <= most {
			out.merge(x)
			continue
		}
		out.N += x.N
		n := big.NewInt(x.N)
		capped := new(big.Int).Mul(n, limit)
		out.values[Numerator].Add(&out.values[Numerator], capped)
		square := &out.products[pairOf(Numerator, Numerator)]
		square.Add(square, new(big.Int).Mul(capped, limit))
		for i := Denominator; i < places; i++ {
			out.values[i].Add(&out.values[i], &x.values[i])
			cross := &out.products[pairOf(Numerator, i)]
			cross.Add(cross, new(big.Int).Mul(limit, &x.values[i]))
			for j := i; j < places; j++ {
				p := &out.products[pairOf(i, j)]
				p.Add(p, &x.products[pairOf(i, j)])
			}
		}
	}
	return out
}
