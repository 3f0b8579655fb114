package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// message is one call of the tracking protocol, as a client writes it.
type message struct {
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	UserID      string         `json:"userId,omitempty"`
	GroupID     string         `json:"groupId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Name        string         `json:"name,omitempty"`
	Timestamp   stamp          `json:"timestamp"`
	Context     map[string]any `json:"context,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
}

// stamp is a time as clients write it: RFC 3339 in UTC with milliseconds.
type stamp struct{ time.Time }

// MarshalJSON writes the time.
func (s stamp) MarshalJSON() ([]byte, error) {
	return s.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// batch is the body of POST /v1/batch. SentAt is left out for history: the
// times of the past are already right and need no correction.
type batch struct {
	Batch   []json.RawMessage `json:"batch"`
	Context map[string]any    `json:"context"`
	SentAt  *stamp            `json:"sentAt,omitempty"`
}

// library names the client in every batch.
func library() map[string]any {
	return map[string]any{"library": map[string]any{"name": "rapport-demo", "version": "1"}}
}

// cents is an amount of money with two decimals.
type cents int64

// String is the amount with two decimals.
func (c cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d", sign, c/100, c%100)
}

// MarshalJSON writes the amount as a number, exactly.
func (c cents) MarshalJSON() ([]byte, error) { return []byte(c.String()), nil }

// uuid draws a version 4 UUID.
func uuid(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// pick draws one of a list, each as likely as the others.
func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// number is n with leading zeros.
func number(prefix string, n, width int) string {
	s := strconv.Itoa(n)
	for len(s) < width {
		s = "0" + s
	}
	return prefix + s
}
