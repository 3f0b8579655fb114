package access

import (
	"regexp"
	"slices"
	"strings"
)

// WebLibrary is what is written into the web library for a source's pages.
type WebLibrary struct {
	Consent  string    `yaml:"consent,omitempty" json:"consent,omitempty" enum:"granted,pending,denied,cookieless" doc:"What holds until the visitor says something; left out: granted"`
	GPC      string    `yaml:"gpc,omitempty" json:"gpc,omitempty" enum:"cookieless,denied" doc:"What holds in place of granted where the browser sends Global Privacy Control and the visitor said nothing; left out: cookieless"`
	NoPages  bool      `yaml:"no_pages,omitempty" json:"no_pages,omitempty" doc:"Pages report themselves: the library does not"`
	Domains  []string  `yaml:"domains,omitempty" json:"domains,omitempty" maxItems:"50" doc:"Other hosts of the same company, such as shop.example.com: links to them say who is here"`
	Slots    []WebSlot `yaml:"slots,omitempty" json:"slots,omitempty" maxItems:"50" doc:"Places that are found by selector, beside elements with data-rapport-slot"`
	BudgetMS int       `yaml:"budget_ms,omitempty" json:"budget_ms,omitempty" minimum:"0" maximum:"10000" doc:"How long a place is hidden for a decision; left out: 300"`
}

// WebSlot is a place of a page that is found by selector.
type WebSlot struct {
	Placement string `yaml:"placement" json:"placement" minLength:"1" maxLength:"128"`
	Selector  string `yaml:"selector" json:"selector" minLength:"1" maxLength:"1000" doc:"CSS selector"`
	BudgetMS  int    `yaml:"budget_ms,omitempty" json:"budget_ms,omitempty" minimum:"0" maximum:"10000" doc:"How long it is hidden; left out: as the others"`
}

// ConsentStates are what a visitor may have said.
func ConsentStates() []string { return []string{"granted", "pending", "denied", "cookieless"} }

const (
	maxWebList  = 50
	maxBudgetMS = 10_000
)

var hostShape = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (w *WebLibrary) validate(source string) error {
	switch {
	case w == nil:
		return nil
	case w.Consent != "" && !slices.Contains(ConsentStates(), w.Consent):
		return invalid("/web/consent", "source %q: consent is %q: give one of %s", source, w.Consent, strings.Join(ConsentStates(), ", "))
	case w.GPC != "" && w.GPC != "cookieless" && w.GPC != "denied":
		return invalid("/web/gpc", "source %q: gpc is %q: give cookieless or denied; the signal cannot be left aside", source, w.GPC)
	case len(w.Domains) > maxWebList || len(w.Slots) > maxWebList:
		return invalid("/web", "source %q: give at most %d domains and %d slots", source, maxWebList, maxWebList)
	case w.BudgetMS < 0 || w.BudgetMS > maxBudgetMS:
		return invalid("/web/budget_ms", "source %q: the budget is not between 0 and %d ms", source, maxBudgetMS)
	}
	for _, host := range w.Domains {
		if !hostShape.MatchString(host) || len(host) > 253 {
			return invalid("/web/domains", "source %q: %q is no host name: give one in small letters, without scheme or port", source, host)
		}
	}
	for _, s := range w.Slots {
		if s.Placement == "" || len(s.Placement) > 128 || s.Selector == "" || len(s.Selector) > 1000 || strings.ContainsAny(s.Selector, "{}") || s.BudgetMS < 0 || s.BudgetMS > maxBudgetMS {
			return invalid("/web/slots", "source %q: a slot names a placement, a CSS selector of at most 1000 bytes and a budget of at most %d ms", source, maxBudgetMS)
		}
	}
	return nil
}
