package demo

import (
	"math/rand/v2"
	"strings"
	"time"
)

// person is somebody who comes to the shop.
type person struct {
	first, last, email, phone, userID string
	home                              *locale
	taste                             string // the category looked at most
	habit                             habit
	account                           *account // whom the person works for, where it is a company
	devices                           []*device
	signedUp                          bool
	cart                              []line
	cartID                            string
	orders                            []string
	moneyBack                         time.Time // when it was last given
}

// habit is how far a person goes.
type habit uint8

const (
	looker habit = iota // never says who it is
	guest               // buys, and leaves no more than an e-mail address
	member              // signs up, sooner or later
)

// device is one browser or phone: it has its own anonymous id.
type device struct {
	anonymousID, channel, kind, userAgent string
	width, height                         int
	signedIn                              bool
}

// locale is where a person lives.
type locale struct {
	code, zone, country, city, currency, dial string
}

// account is a company that buys.
type account struct {
	id, name, industry, plan string
	employees                int
}

var locales = []locale{
	{"de-DE", "Europe/Berlin", "DE", "Hamburg", "EUR", "+49"},
	{"en-IE", "Europe/Dublin", "IE", "Dublin", "EUR", "+353"},
	{"fr-FR", "Europe/Paris", "FR", "Lyon", "EUR", "+33"},
	{"nl-NL", "Europe/Amsterdam", "NL", "Utrecht", "EUR", "+31"},
	{"es-ES", "Europe/Madrid", "ES", "Sevilla", "EUR", "+34"},
	{"en-GB", "Europe/London", "GB", "Leeds", "GBP", "+44"},
}

var (
	firstNames = []string{
		"Ada", "Bram", "Carla", "Dario", "Elif", "Femke", "Greta", "Hugo", "Ines", "Jonas", "Katja", "Liam",
		"Maeve", "Nils", "Olga", "Pablo", "Quentin", "Rosa", "Seán", "Tove", "Umut", "Vera", "Wim", "Yara", "Zoë",
	}
	lastNames = []string{
		"Albers", "Byrne", "Castillo", "Dubois", "Engel", "Fischer", "García", "Haas", "Ivanova", "Jansen",
		"Kaya", "Lefèvre", "Moreau", "Nowak", "O'Neill", "Petit", "Richter", "Schäfer", "Taylor", "Visser", "Walsh",
	}
	industries = []string{"design", "hospitality", "logistics", "retail", "software"}
	plans      = []string{"starter", "business", "enterprise"}
)

// agents are the browsers and phones that people use, the likeliest first.
var agents = []device{
	{"", "web", "phone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148 Safari/604.1", 390, 844, false},
	{"", "web", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", 1920, 1080, false},
	{"", "mobile", "phone", "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36", 412, 915, false},
	{"", "web", "desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 2560, 1440, false},
	{"", "web", "tablet", "Mozilla/5.0 (iPad; CPU OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Safari/604.1", 820, 1180, false},
}

// crowd makes the people. Their order says nothing of how often they come.
func crowd(r *rand.Rand, n int, prefix string) []*person {
	companies := companies(r, 1+n/60, prefix)
	people := make([]*person, n)
	for i := range people {
		people[i] = newPerson(r, i, companies, prefix)
	}
	return people
}

func newPerson(r *rand.Rand, n int, companies []account, prefix string) *person {
	p := &person{
		first: pick(r, firstNames), last: pick(r, lastNames),
		home: &locales[min(r.IntN(len(locales)+2), len(locales)-1)], taste: pick(r, kinds).category,
		userID: number(prefix+"u-", n+1, 6),
	}
	p.email = strings.ToLower(plain(p.first)+"."+plain(p.last)) + number("", n+1, 1) + "@example.com"
	p.phone = p.home.dial + number("", 5550000+n, 8)
	switch x := r.Float64(); {
	case x < 0.40:
		p.habit = looker
	case x < 0.50:
		p.habit = guest
	default:
		p.habit = member
	}
	if p.habit == member && r.IntN(12) == 0 {
		p.account = &companies[r.IntN(len(companies))]
	}
	for range 1 + min(r.IntN(6)/2, 2) {
		d := agents[min(r.IntN(len(agents)), r.IntN(len(agents)))]
		d.anonymousID = uuid(r)
		p.devices = append(p.devices, &d)
	}
	return p
}

func companies(r *rand.Rand, n int, prefix string) []account {
	all := make([]account, n)
	for i := range all {
		all[i] = account{
			id: number(prefix+"acct-", i+1, 4), name: pick(r, lastNames) + " & " + pick(r, lastNames),
			industry: pick(r, industries), plan: pick(r, plans), employees: 2 + r.IntN(900),
		}
	}
	return all
}

// plain leaves the letters that an e-mail address is sure to take.
func plain(name string) string {
	return strings.NewReplacer("á", "a", "ä", "a", "è", "e", "í", "i", "ë", "e", "'", "").Replace(name)
}
