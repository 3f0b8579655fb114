package load

import "math/rand/v2"

// People says who sends the next event.
type People struct {
	rand     *rand.Rand
	n        uint64
	zipf     *rand.Zipf
	sessions []session
}

type session struct {
	person uint32
	left   uint8
}

// The traffic of a shop: so many visits at once, of so many events each on
// average, by people drawn with Zipf's skew.
const (
	openSessions = 256
	perSession   = 10
	skew         = 1.05
)

// Sessions draws people with Zipf's skew, who send about ten events each,
// interleaved with those of others.
func Sessions(seed uint64, n int) *People {
	p := Uniform(seed, n)
	p.zipf = rand.NewZipf(p.rand, skew, 10, p.n-1)
	p.sessions = make([]session, openSessions)
	return p
}

// Uniform draws every event's person anew, each as likely as the others.
func Uniform(seed uint64, n int) *People {
	return &People{rand: rand.New(rand.NewPCG(seed, 0x10ad)), n: uint64(n)}
}

// Next is the number of the person who sends the next event.
func (p *People) Next() uint32 {
	if p.zipf == nil {
		return uint32(p.rand.Uint64N(p.n))
	}
	s := &p.sessions[p.rand.Uint32N(openSessions)]
	if s.left == 0 {
		// The first are not the loudest: spread the ranks over the numbers.
		s.person = uint32(p.zipf.Uint64() * 2654435761 % p.n)
		s.left = uint8(1 + p.rand.Uint32N(2*perSession-1))
	}
	s.left--
	return s.person
}
