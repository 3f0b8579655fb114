// Package natives is the register of the destinations that the program brings
// along. It never opens one by itself.
package natives

import (
	"rapport/internal/destination"
	"rapport/internal/destination/email"
	"rapport/internal/destination/files"
	"rapport/internal/destination/httpcall"
	"rapport/internal/destination/kafka"
	"rapport/internal/destination/nats"
	"rapport/internal/destination/postgres"
	"rapport/internal/destination/segment"
	"rapport/internal/destination/slack"
	"rapport/internal/destination/sms"
	"rapport/internal/destination/webhook"
)

// All are the types, in the order in which people are shown them.
func All() []destination.Type {
	return []destination.Type{
		webhook.Type(), httpcall.Type(), email.Type(), sms.Type(), slack.Type(), segment.Type(), postgres.Type(), kafka.Type(), nats.Type(), files.Type(),
	}
}

// Find gives the type of a name.
func Find(name string) (destination.Type, bool) {
	for _, t := range All() {
		if t.Name == name {
			return t, true
		}
	}
	return destination.Type{}, false
}
