package wire

// Names shares strings that many values have in common, so that each is in
// memory once. It belongs to one worker. A nil Names shares nothing.
type Names struct {
	known map[string]string
	forms map[string]string
	room  []byte
}

// The longest name that is shared, and how many are remembered before all are
// forgotten; forgetting costs memory only.
const (
	maxShared = 256
	maxNames  = 1 << 16
	maxForm   = 1 << 10
	maxForms  = 1 << 15
)

// NewNames remembers nothing yet.
func NewNames() *Names {
	return &Names{known: make(map[string]string), forms: make(map[string]string)}
}

// Form is the form that raw was given with SetForm, if that is remembered.
func (n *Names) Form(raw []byte) (string, bool) {
	if n == nil {
		return "", false
	}
	s, ok := n.forms[string(raw)]
	return s, ok
}

// SetForm remembers the form of raw that form appends, and gives it. form must
// give the same for the same bytes.
func (n *Names) SetForm(raw []byte, form func(b []byte) []byte) string {
	if n == nil {
		return string(form(nil))
	}
	n.room = form(n.room[:0])
	text := n.Of(n.room)
	if len(raw) <= maxForm {
		if len(n.forms) >= maxForms {
			clear(n.forms)
		}
		n.forms[string(raw)] = text
	}
	return text
}

// Of is b as a string.
func (n *Names) Of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if n == nil || len(b) > maxShared {
		return string(b)
	}
	if s, ok := n.known[string(b)]; ok {
		return s
	}
	return n.add(string(b))
}

// OfText is s, shared.
func (n *Names) OfText(s string) string {
	if n == nil || len(s) > maxShared || s == "" {
		return s
	}
	if known, ok := n.known[s]; ok {
		return known
	}
	// A copy: s may be a part of something larger.
	return n.add(string([]byte(s)))
}

func (n *Names) add(s string) string {
	if len(n.known) >= maxNames {
		clear(n.known)
	}
	n.known[s] = s
	return s
}
