package demo

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"
)

// Look is one thing worth looking at: a path of the own API that answers.
type Look struct {
	Title string
	Path  string
}

// Looks are the places to begin, with people, orders and goods that are there.
func (p *Played) Looks() []Look {
	looks := []Look{{"the sums: nothing acknowledged is lost", "/api/v1/accounting"}}
	if who := p.shop.interesting(p.plan.Until); who != nil {
		looks = append(looks,
			Look{who.first + " " + who.last + ", by e-mail address", profilePath("email", who.email)},
			Look{"the same person, by user id", profilePath("user_id", who.userID)},
			Look{"and by the cookie of one of the devices", profilePath("anonymous_id", who.devices[0].anonymousID)},
			Look{"what happened, latest first", profilePath("email", who.email) + "/timeline?limit=5"},
			Look{"only the orders among it", profilePath("email", who.email) + "/timeline?name=" + url.QueryEscape("Order Completed")},
			Look{"the last order", "/api/v1/orders/" + who.orders[len(who.orders)-1]},
		)
	}
	return append(looks, Look{"an item of the catalog", "/api/v1/catalog/items/" + p.shop.goods[0].id})
}

func profilePath(namespace, value string) string {
	return "/api/v1/profiles/" + namespace + ":" + url.PathEscape(value)
}

// interesting finds the member with the most to see: devices on which it is
// known, orders, and money back.
func (s *shop) interesting(until time.Time) *person {
	worth := func(p *person) int {
		n := min(len(p.orders), 20)
		for _, d := range p.devices {
			if d.signedIn {
				n += 10
			}
		}
		if !p.moneyBack.IsZero() && p.moneyBack.Before(until) {
			n += 5
		}
		return n
	}
	seen := slices.DeleteFunc(slices.Clone(s.people), func(p *person) bool {
		return !p.signedUp || len(p.orders) == 0 || !p.devices[0].signedIn
	})
	if len(seen) == 0 {
		return nil
	}
	return slices.MaxFunc(seen, func(a, b *person) int { return cmp.Compare(worth(a), worth(b)) })
}

// Show prints the looks as commands to copy.
func Show(out io.Writer, to Target, looks []Look) {
	fmt.Fprintf(out, "\nWhat to look at (the secret key reads, the write key sends):\n\n")
	fmt.Fprintf(out, "  RAPPORT=%s  KEY=%s  WRITE_KEY=%s\n", to.URL, to.SecretKey, to.WriteKey)
	for _, l := range looks {
		fmt.Fprintf(out, "\n  # %s\n  curl -s -H \"Authorization: Bearer $KEY\" \"$RAPPORT%s\"\n", l.Title, l.Path)
	}
	fmt.Fprintf(out, "\n  # send an event of your own\n  curl -s -u \"$WRITE_KEY:\" \"$RAPPORT/v1/track?wait=applied\" -H 'Content-Type: application/json' \\\n"+
		"    -d '{\"anonymousId\":\"me\",\"event\":\"Hello\"}'\n\n")
}
