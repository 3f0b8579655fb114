package dmn

import "rapport/internal/feel"

// push cuts a frame of n nulls; frames cut before stay valid when the memory
// is replaced by a larger one.
func (s *Session) push(n int) []feel.Value {
	if s.sp+n > len(s.mem) {
		s.mem = make([]feel.Value, max(256, 2*len(s.mem), s.sp+n))
	}
	f := s.mem[s.sp : s.sp+n : s.sp+n]
	s.sp += n
	return f
}

func (s *Session) pop(f []feel.Value) {
	clear(f)
	s.sp -= len(f)
}

func (s *Session) pushBits(n int) []uint64 {
	if s.bsp+n > len(s.bitmem) {
		s.bitmem = make([]uint64, max(64, 2*len(s.bitmem), s.bsp+n))
	}
	b := s.bitmem[s.bsp : s.bsp+n : s.bsp+n]
	s.bsp += n
	return b
}

func (s *Session) popBits(n int) { s.bsp -= n }
