package identity

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

var emailShape = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)

// maxLocal is the longest part before the at sign, by RFC 5321.
const maxLocal = 64

// plusCut are hosts that deliver what stands behind a plus to the mailbox
// before it.
var plusCut = []string{
	"gmail.com", "outlook.com", "hotmail.com", "live.com", "icloud.com", "me.com", "mac.com", "fastmail.com", "proton.me", "protonmail.com", "pm.me",
}

// nobodys are mailboxes behind which no person is.
var nobodys = []string{"noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster", "abuse"}

// email gives the mailbox behind an address: it is compared and never replaces
// the address that the person gave, which stays among the traits.
func email(value string) (string, string) {
	value = strings.TrimPrefix(fold(value), "mailto:")
	if !emailShape.MatchString(value) {
		return value, ReasonNotEmail
	}
	local, domain, _ := strings.Cut(value, "@")
	if strings.Contains(domain, "@") || len(local) > maxLocal || !printable(value) {
		return value, ReasonNotEmail
	}
	if !plain(value) {
		if mixed(value) {
			return value, ReasonMixedScript
		}
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return value, ReasonNotEmail
		}
		domain = ascii
	}
	if slices.Contains(nobodys, local) {
		return value, ReasonNobodysMail
	}
	if domain == "googlemail.com" {
		domain = "gmail.com"
	}
	cut := ""
	switch {
	case slices.Contains(plusCut, domain):
		cut = "+"
	case strings.HasPrefix(domain, "yahoo."):
		cut = "-"
	}
	if i := strings.Index(local, cut); cut != "" && i > 0 {
		local = local[:i]
	}
	if domain == "gmail.com" {
		if local = strings.ReplaceAll(local, ".", ""); local == "" {
			return value, ReasonNotEmail
		}
	}
	return local + "@" + domain, ""
}
