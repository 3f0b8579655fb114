// Package feed says what the rows of a table mean: which feed a file is by its
// name, the mapping of its columns, and the event or the item that a row becomes.
// It never reads files, never asks the clock and never looks at state.
package feed

import (
	"path"
	"slices"
	"strings"
)

// Kind is what the rows of a feed are about.
type Kind string

// The kinds.
const (
	User        Kind = "user"
	Catalog     Kind = "catalog"
	Product     Kind = "product"
	Category    Kind = "category"
	Promotion   Kind = "promotion"
	Transaction Kind = "transaction" // one row for each line of an order
	Segment     Kind = "segment"     // who is on a list, and who is no longer
	Email       Kind = "email"       // what became of e-mails that others sent
	Event       Kind = "event"       // anything that happened
	Tracking    Kind = "tracking"    // calls of the tracking protocol, as Segment and RudderStack keep them
	PostHog     Kind = "posthog"     // events as PostHog exports them
)

// kinds with the beginnings of the file names that say them.
var kinds = []struct {
	kind  Kind
	names []string
}{
	{User, []string{"user", "profile"}},
	{Catalog, []string{"catalog-object", "catalog"}},
	{Product, []string{"product"}},
	{Category, []string{"category"}},
	{Promotion, []string{"promotion"}},
	{Transaction, []string{"transaction"}},
	{Segment, []string{"manual-segment", "segment"}},
	{Email, []string{"external-email-campaign", "external-email", "email-campaign", "email"}},
	{Event, []string{"event"}},
	{Tracking, []string{"tracking", "rudder"}},
	{PostHog, []string{"posthog"}},
}

// Kinds are all kinds.
func Kinds() []Kind {
	out := make([]Kind, len(kinds))
	for i, k := range kinds {
		out[i] = k.kind
	}
	return out
}

// Known tells whether there is such a kind.
func (k Kind) Known() bool { return slices.Contains(Kinds(), k) }

// KindOf tells by the name of a file what its rows are about, such as
// user-2024-05-31_14-00-00.csv.gz; empty where the name does not say.
func KindOf(file string) Kind {
	name := strings.ToLower(path.Base(strings.ReplaceAll(file, `\`, "/")))
	for _, k := range kinds {
		for _, begin := range k.names {
			rest, ok := strings.CutPrefix(name, begin)
			rest = strings.TrimPrefix(rest, "s")
			if ok && (rest == "" || strings.ContainsAny(rest[:1], "-_. 0123456789")) {
				return k.kind
			}
		}
	}
	return ""
}

// Items tells whether the rows are items of the catalog, and not events.
func (k Kind) Items() bool {
	return k == Catalog || k == Product || k == Category || k == Promotion
}

// itemType is the type of the items of a feed that does not say it.
func (k Kind) itemType() string {
	switch k {
	case Product:
		return "Product"
	case Category:
		return "Category"
	case Promotion:
		return "Promotion"
	}
	return ""
}
