package identity

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// The digits of an international number, by E.164.
const (
	minDigits = 7
	maxDigits = 15
)

// phone gives a number as E.164: a plus, the country and the number. One
// without a country is taken as of the region; without a region it names nobody.
func phone(value, region string) (string, string) {
	if clean(value) {
		return value, ""
	}
	digits, letters := strip(value)
	switch {
	case letters || len(digits) < 2:
		return value, ReasonNotPhone
	case strings.HasPrefix(digits, "00"):
		digits = "+" + digits[2:]
	}
	if digits[0] != '+' {
		if region == "" {
			return value, ReasonNoCountry
		}
		if n, err := phonenumbers.Parse(digits, region); err == nil && phonenumbers.IsPossibleNumber(n) {
			return phonenumbers.Format(n, phonenumbers.E164), ""
		}
		return value, ReasonNotPhone
	}
	if n, err := phonenumbers.Parse(value, ""); err == nil && phonenumbers.IsPossibleNumber(n) {
		return phonenumbers.Format(n, phonenumbers.E164), ""
	}
	if clean(digits) {
		return digits, "" // of a plan that the library does not know
	}
	return value, ReasonNotPhone
}

// clean tells that a number is in E.164 already.
func clean(value string) bool {
	if len(value) < minDigits+1 || len(value) > maxDigits+1 || value[0] != '+' || value[1] == '0' {
		return false
	}
	for i := 1; i < len(value); i++ {
		if value[i] < '0' || value[i] > '9' {
			return false
		}
	}
	return true
}

// strip leaves the digits and a leading plus; letters tells that there was
// more than digits and what people put between them.
func strip(value string) (digits string, letters bool) {
	var b strings.Builder
	for i, r := range strings.TrimPrefix(value, "tel:") {
		switch {
		case r >= '0' && r <= '9' || r == '+' && i == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" -.()/\u00a0\u2011\u2013", r):
		default:
			letters = true
		}
	}
	return b.String(), letters
}

func knownRegion(region string) bool { return phonenumbers.GetSupportedRegions()[region] }
