package forest

// covers hold how many training rows passed each place. They are known only
// where every tree of the file says so.
type covers struct {
	known      bool
	node, leaf []float64
}

func (c *covers) append(to, from []float64, i int) []float64 {
	if i >= len(from) || !(from[i] > 0) || !finite(from[i]) {
		c.known = false
		return append(to, 0)
	}
	return append(to, from[i])
}
