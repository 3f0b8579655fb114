package segment

import "rapport/internal/destination"

// Event makes a call of a payload.
func Event(text []byte) ([]byte, *destination.Result) {
	s := &sink{Settings: Settings{UserID: "user_id", Anon: "anonymous_id"}}
	return s.event(&destination.Message{ID: "m", Payload: text})
}
