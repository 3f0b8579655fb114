package watch

// Held is how many events are in memory, shown or about to be.
func (d *Door) Held() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ring) + len(d.queue)
}
