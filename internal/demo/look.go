package demo

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"
)

// Look is one thing worth looking at: a path of the own API that answers, to a
// GET or, where it has a body, to a POST.
type Look struct {
	Title string
	Path  string
	Body  string
}

// Looks are the places to begin, with people, orders and goods that are there.
func (p *Played) Looks() []Look {
	looks := []Look{sums}
	if who := p.shop.interesting(p.plan.Until); who != nil {
		looks = append(looks,
			Look{Title: who.first + " " + who.last + ", by e-mail address", Path: profilePath("email", who.email)},
			Look{Title: "the same person, by user id", Path: profilePath("user_id", who.userID)},
			Look{Title: "and by the cookie of one of the devices", Path: profilePath("anonymous_id", who.devices[0].anonymousID)},
			Look{Title: "why these are one person", Path: profilePath("email", who.email) + "/identity"},
			Look{Title: "what happened, latest first", Path: profilePath("email", who.email) + "/timeline?limit=5"},
			Look{Title: "only the orders among it", Path: profilePath("email", who.email) + "/timeline?name=" + url.QueryEscape("Order Completed")},
			Look{Title: "the last order", Path: "/api/v1/orders/" + who.orders[len(who.orders)-1]},
			Look{Title: "the segments the person is in or not, and why", Path: profilePath("email", who.email) + "/segments"},
			offerFor("email:"+who.email),
		)
	}
	return append(looks,
		Look{Title: "people who left a cart", Path: "/api/v1/segments/left-a-cart/members?limit=5"},
		Look{
			Title: "how many a condition holds for, before it is a segment", Path: "/api/v1/segments/preview",
			Body: `{"condition":{"all":[{"affinity":"category","value":"shoes","top":1},{"segment":"loyal"}]}}`,
		},
		Look{Title: "an item of the catalog", Path: "/api/v1/catalog/items/" + p.shop.goods[0].id},
		decided,
	)
}

// What can be looked at whatever was played.
var (
	sums    = Look{Title: "the sums: nothing acknowledged is lost", Path: "/api/v1/accounting"}
	decided = Look{Title: "the decisions so far, each with what it read", Path: "/api/v1/decisions?limit=5"}
)

// offerFor lets the decision model decide about a person.
func offerFor(ref string) Look {
	return Look{Title: "what to offer next, and by which rule", Path: offerPath + "/evaluate?explain=true", Body: fmt.Sprintf(`{"profile":%q}`, ref)}
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
		fmt.Fprintf(out, "\n  # %s\n  curl -s -H \"Authorization: Bearer $KEY\" \"$RAPPORT%s\"", l.Title, l.Path)
		if l.Body != "" {
			fmt.Fprintf(out, " -H 'Content-Type: application/json' \\\n    -d '%s'", l.Body)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "\n  # send an event of your own\n  curl -s -u \"$WRITE_KEY:\" \"$RAPPORT/v1/track?wait=applied\" -H 'Content-Type: application/json' \\\n"+
		"    -d '{\"anonymousId\":\"me\",\"event\":\"Hello\"}'\n\n")
}
