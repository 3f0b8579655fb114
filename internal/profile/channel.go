package profile

import (
	"strings"

	"rapport/internal/event"
)

// Messages to a person are reported by the service that sent them, mostly from
// a server. They count for the channel that carried them, and what the company
// did there apart from what the person did: a delivered e-mail says nothing of
// where a person likes to be.

// sentMark ends the key under which a channel counts what was sent.
const sentMark = "\x00sent"

const (
	channelEmail = "email"
	channelSMS   = "sms"
	channelPush  = "push"
)

// channelOf is the key under which an event counts in the channels.
func channelOf(e *event.Event) string {
	if e.Type != event.Track || len(e.Name) < len("SMS x") {
		return e.Channel
	}
	switch e.Name[0] {
	case 'E':
		if rest, ok := strings.CutPrefix(e.Name, "Email "); ok {
			return messageChannel(channelEmail, channelEmail+sentMark, rest)
		}
	case 'S':
		if rest, ok := strings.CutPrefix(e.Name, "SMS "); ok {
			return messageChannel(channelSMS, channelSMS+sentMark, rest)
		}
	case 'P':
		if rest, ok := strings.CutPrefix(e.Name, "Push Notification "); ok {
			return messageChannel(channelPush, channelPush+sentMark, rest)
		}
	}
	return e.Channel
}

// messageChannel tells what the person did from what was sent.
func messageChannel(own, sent, what string) string {
	switch what {
	case "Sent", "Delivered", "Received", "Bounced", "Deferred", "Dropped", "Failed", "Rejected", "Processed":
		return sent
	}
	return own
}

// outbound tells a key of what was sent.
func outbound(key string) bool { return strings.HasSuffix(key, sentMark) }
