package identity

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rapport/internal/event"
)

// The reasons for which an identifier does not count. They are codes that
// callers see and count.
const (
	ReasonEmpty       = "empty"
	ReasonTooLong     = "too_long"
	ReasonTooMany     = "too_many"
	ReasonBlocked     = "blocked"
	ReasonNotEmail    = "not_an_email"
	ReasonNotPhone    = "not_a_phone"
	ReasonNoCountry   = "phone_without_country"
	ReasonMixedScript = "mixed_script"
	ReasonNoProvider  = "no_provider"
	ReasonNotText     = "not_text"
	ReasonNobodysMail = "nobodys_mailbox"
)

// Reasons lists every reason.
func Reasons() []string {
	return []string{
		ReasonEmpty, ReasonTooLong, ReasonTooMany, ReasonBlocked, ReasonNotEmail, ReasonNotPhone, ReasonNoCountry,
		ReasonMixedScript, ReasonNoProvider, ReasonNotText, ReasonNobodysMail,
	}
}

// Normalise gives the form of an identifier that is compared and stored, or
// the reason why it names nobody.
func (r *Rules) Normalise(i event.Identifier) (event.Identifier, string) {
	i.Value = strings.TrimSpace(i.Value)
	switch {
	case i.Value == "":
		return i, ReasonEmpty
	case len(i.Value) > MaxValue:
		return i, ReasonTooLong
	case nobody(i.Value):
		return i, ReasonBlocked
	}
	n := r.Of(i.Namespace)
	value, reason := r.form(n.Form, i.Value)
	if reason != "" {
		return i, reason
	}
	formed := value != i.Value
	i.Value = value
	switch {
	case formed && len(value) > MaxValue:
		return i, ReasonTooLong
	case formed && (nobody(value) || value != strings.TrimSpace(value)), matches(r.Blocked, value), matches(n.Blocked, value):
		return i, ReasonBlocked
	}
	return i, ""
}

func (r *Rules) form(f Form, value string) (string, string) {
	switch f {
	case FormFolded:
		return fold(value), ""
	case FormEmail:
		return email(value)
	case FormPhone:
		return phone(value, r.DefaultRegion)
	case FormSocial:
		return social(value)
	case FormLoyalty:
		return loyalty(value)
	}
	if !plain(value) && !printable(value) {
		return value, ReasonNotText
	}
	return value, ""
}

// plain tells that a value is printable ASCII, which most are.
func plain(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < 0x20 || b > 0x7e {
			return false
		}
	}
	return true
}

// printable refuses what cannot be seen: control characters, damaged UTF-8.
func printable(value string) bool {
	for _, r := range value {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// fold makes values that differ in case and width only the same.
func fold(value string) string {
	if plain(value) {
		return strings.ToLower(value)
	}
	return strings.ToLower(norm.NFKC.String(value))
}

// mixed tells that letters of scripts that look alike stand in one word, as in
// a Latin word with a Cyrillic a.
func mixed(value string) bool {
	latin, alike := false, false
	for _, r := range value {
		switch {
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee):
			alike = true
		case r == '.' || r == '@' || r == '-' || r == '_' || r == '+':
			if latin && alike {
				return true
			}
			latin, alike = false, false
		}
	}
	return latin && alike
}

// social is provider and handle, whatever their case, an at sign and where
// between them a slash or a colon stands.
func social(value string) (string, string) {
	value = fold(value)
	for _, head := range [...]string{"https://", "http://", "www."} {
		value = strings.TrimPrefix(value, head)
	}
	provider, handle, ok := cut(value)
	if !ok || !providerShape.MatchString(provider) {
		return value, ReasonNoProvider
	}
	switch {
	case handle == "" || nobody(handle):
		return value, ReasonBlocked
	case !printable(handle):
		return value, ReasonNotText
	case mixed(handle):
		return value, ReasonMixedScript
	case provider == "twitter":
		provider = "x"
	}
	return provider + ":" + handle, ""
}

var providerShape = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// cut parts a provider from a handle.
func cut(value string) (provider, handle string, ok bool) {
	i := strings.IndexAny(value, ":/")
	if i <= 0 {
		return "", "", false
	}
	handle = strings.TrimFunc(value[i+1:], func(r rune) bool { return r == '/' || r == '@' || unicode.IsSpace(r) })
	return strings.TrimSpace(strings.TrimSuffix(value[:i], ".com")), handle, true
}

// loyalty leaves letters and digits, in capitals: cards are printed in groups.
func loyalty(value string) (string, string) {
	out := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, norm.NFKC.String(value))
	if out == "" || strings.Trim(out, "0") == "" {
		return value, ReasonBlocked
	}
	return out, ""
}

// words are values that programs send when they know nobody. Sources:
// Segment's suggested blocked values, PostHog's illegal ids, Adobe's blocked
// identities.
var words = []string{
	"-1", "null", "nil", "none", "nan", "undefined", "anonymous", "guest", "unknown", "n/a", "invalid",
	"true", "false", "[object object]", "not_authenticated", "distinct_id", "distinctid", "id", "email",
	"test@test.com",
}

// nobody tells that a value is one of those that programs send when they know
// nobody, or only zeros and hyphens.
func nobody(value string) bool {
	if len(value) > 40 {
		return false
	}
	bare := strings.Trim(value, `"'`)
	if strings.Trim(bare, "0-") == "" {
		return true
	}
	for _, w := range words {
		if len(w) == len(bare) && strings.EqualFold(w, bare) {
			return true
		}
	}
	return false
}
