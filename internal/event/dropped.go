package event

// droppedVersion begins the stored form of an event that was taken out of the
// log: what it came to is in the base of its anchor. It stands where the version
// of an envelope does, so nobody takes it for an event.
const droppedVersion = 2

// Dropped is what is left of an event that is kept no longer.
type Dropped struct {
	Source string
	Copy   bool // it was a copy of a message that counted
}

// AppendPayload appends the stored form.
func (d *Dropped) AppendPayload(b []byte) []byte {
	copied := byte(0)
	if d.Copy {
		copied = 1
	}
	return append(append(b, droppedVersion, copied), d.Source...)
}

// ReadDropped reads the stored form, and tells whether it is one.
func ReadDropped(b []byte) (d Dropped, ok bool) {
	if len(b) < 2 || b[0] != droppedVersion || b[1] > 1 {
		return d, false
	}
	return Dropped{Source: string(b[2:]), Copy: b[1] == 1}, true
}
