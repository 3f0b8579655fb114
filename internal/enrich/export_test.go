package enrich

// Remembered is how many texts a finder remembers.
func Remembered(f *Finder) int {
	n := 0
	for i := range cachePlaces {
		if f.agents.places[i].Load() != nil {
			n++
		}
		if f.contexts.places[i].Load() != nil {
			n++
		}
	}
	return n
}
