package consent

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Status is what a person said about a purpose.
type Status string

// The statuses. Withdrawn is a no of somebody who had said yes.
const (
	Granted   Status = "granted"
	Denied    Status = "denied"
	Withdrawn Status = "withdrawn"
)

// AnyChannel is the channel of a consent that holds for all of them.
const AnyChannel = ""

// The bounds of one event's consents. What exceeds them is not kept.
const (
	MaxEntries = 100
	MaxName    = 100   // bytes of a purpose or a channel
	MaxProof   = 4_000 // bytes
)

// Entry is what a person said about one purpose on one channel, as it is kept:
// the value of a last-writer-wins register.
type Entry struct {
	Purpose string `json:"-"`
	Channel string `json:"-"`
	Status  Status `json:"status" enum:"granted,denied,withdrawn"`
	Proof   string `json:"proof,omitempty" doc:"The words that the person agreed to"`
	Version string `json:"version,omitempty" doc:"Of these words"`
}

// RegisterPrefix begins the names of the registers that hold consents. No trait
// of a client may begin like that.
const RegisterPrefix = "$consent "

// Register is the name under which an entry is kept.
func (e *Entry) Register() string { return RegisterPrefix + e.Purpose + "\x00" + e.Channel }

// Value is what is kept of an entry.
func (e *Entry) Value() string {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings
	}
	return string(b)
}

// ReadRegister undoes Register and Value.
func ReadRegister(name, value string) (Entry, bool) {
	var e Entry
	rest, ok := strings.CutPrefix(name, RegisterPrefix)
	if !ok || json.Unmarshal([]byte(value), &e) != nil {
		return e, false
	}
	e.Purpose, e.Channel, _ = strings.Cut(rest, "\x00")
	return e, true
}

// signalled is the purpose that a browser's own signal, Global Privacy Control or
// Do Not Track, says no to where no policy says otherwise.
const signalled = "advertising"

// SignalsMember is the member of the shared context in which the door keeps what
// the signals mean by the policy of that time: gpc and dnt with the purposes
// that they say no to.
const SignalsMember = "rapport_signals"

// Read finds what an event says about consent: context.consent with
// categoryPreferences as Segment writes it (a purpose and true or false), with
// purposes as Rapport's own API writes it, and the signals context.gpc and
// context.dnt. It gives them in the order of their registers.
func Read(v *event.Event) []Entry {
	found := map[string]Entry{}
	add := func(e Entry) {
		if e.Purpose == "" || len(e.Purpose) > MaxName || len(e.Channel) > MaxName || len(e.Proof) > MaxProof || len(found) >= MaxEntries {
			return
		}
		if strings.IndexByte(e.Purpose, 0) < 0 && strings.IndexByte(e.Channel, 0) < 0 {
			found[e.Register()] = e
		}
	}
	for _, name := range []string{"gpc", "dnt"} {
		if on, _ := v.About(name).Bool(); !on {
			continue
		}
		meaning := v.Shared.Get(SignalsMember)
		if meaning.Kind() != jsondoc.Object {
			add(Entry{Purpose: signalled, Status: Denied, Proof: name})
			continue
		}
		meaning.Get(name).Items(func(_ int, purpose jsondoc.Value) bool {
			add(Entry{Purpose: purpose.Text(), Status: Denied, Proof: name})
			return true
		})
	}
	c := v.About("consent")
	c.Get("categoryPreferences").Each(func(purpose string, yes jsondoc.Value) bool {
		if granted, ok := yes.Bool(); ok {
			e := Entry{Purpose: purpose, Status: Denied}
			if granted {
				e.Status = Granted
			}
			add(e)
		}
		return true
	})
	c.Get("purposes").Items(func(_ int, p jsondoc.Value) bool {
		e := Entry{
			Purpose: p.Get("purpose").Text(), Channel: p.Get("channel").Text(), Status: Status(p.Get("status").Text()),
			Proof: p.Get("proof").Text(), Version: p.Get("version").Text(),
		}
		switch e.Status {
		case Granted, Denied, Withdrawn:
			add(e)
		}
		return true
	})
	out := make([]Entry, 0, len(found))
	for _, e := range found {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Register(), b.Register()) })
	return out
}

// Said is an entry with who said it when.
type Said struct {
	Entry
	Source string        `json:"source"`
	Time   clock.Instant `json:"time"`
}

// State is what is known of a person's consents: by purpose and channel the
// latest word.
type State []Said

// Find gives the word on a purpose and a channel, nil where there is none.
func (s State) Find(purpose, channel string) *Said {
	i := slices.IndexFunc(s, func(x Said) bool { return x.Purpose == purpose && x.Channel == channel })
	if i < 0 {
		return nil
	}
	return &s[i]
}

// Reasons of Allowed. They are stable.
const (
	ReasonGranted    = "granted"
	ReasonDenied     = "denied"
	ReasonWithdrawn  = "withdrawn"
	ReasonUnknown    = "no_consent"
	ReasonSuppressed = "suppressed"
	ReasonAllowed    = "not_asked" // the purpose needs no consent
)

// Rules say which purposes need a yes. The zero value asks for one for all.
type Rules struct {
	// WithoutConsent are purposes that are allowed until the person says no.
	WithoutConsent []string
	// Suppressed tells whether a contact of the person is on the suppression
	// list of a channel; nil: there is none.
	Suppressed func(channel string) bool
}

// Allowed is the one question: may the person's data be used for a purpose on a
// channel at an instant? What was said later than that does not count. A word on
// the channel counts before one on all channels; a no on all channels counts
// where it is later than the yes on the channel.
func (s State) Allowed(rules *Rules, purpose, channel string, at clock.Instant) (bool, string) {
	if rules != nil && rules.Suppressed != nil && channel != AnyChannel && rules.Suppressed(channel) {
		return false, ReasonSuppressed
	}
	own, all := s.known(purpose, channel, at), s.known(purpose, AnyChannel, at)
	word := own
	if own == nil || all != nil && all.Status != Granted && cmp.Compare(all.Time, own.Time) > 0 {
		word = all
	}
	switch {
	case word == nil:
		if rules != nil && slices.Contains(rules.WithoutConsent, purpose) {
			return true, ReasonAllowed
		}
		return false, ReasonUnknown
	case word.Status == Granted:
		return true, ReasonGranted
	case word.Status == Withdrawn:
		return false, ReasonWithdrawn
	}
	return false, ReasonDenied
}

func (s State) known(purpose, channel string, at clock.Instant) *Said {
	if x := s.Find(purpose, channel); x != nil && x.Time <= at {
		return x
	}
	return nil
}
