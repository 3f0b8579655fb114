package pipeline

import (
	"strconv"

	"rapport/internal/event"
)

func (e *eraser) identifies(ev *event.Event) bool {
	for i := range ev.Identifiers {
		if e.keys[ev.Identifiers[i].Key()] {
			return true
		}
	}
	return false
}

// maybeShort tells whether an event may carry an identifier that is too short
// to be looked for in texts.
func (e *eraser) maybeShort(payload []byte) bool {
	for _, i := range e.short {
		if bytesContain(payload, strconv.Quote(i.Value)) || bytesContain(payload, ":"+i.Value) {
			return true
		}
	}
	return false
}
