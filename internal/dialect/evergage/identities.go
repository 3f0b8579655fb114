package evergage

import (
	"strings"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// The namespaces of the identity types that every account has, beside those
// that every instance has.
const (
	customerID = "customer_id"
	contactKey = "sfmc_contact_key"
	contactID  = "sfcrm_contact_id"
	leadID     = "sfcrm_lead_id"
)

// maxNamespace is the longest name of an identity type.
const maxNamespace = 64

func (g *mapping) add(namespace, value string) {
	if value != "" && value != notTracked {
		g.ids = append(g.ids, event.Identifier{Namespace: namespace, Value: value})
	}
}

// notTracked stands for every identifier where the visitor asked not to be
// tracked.
const notTracked = "__DNT__"

// user collects the identifiers of an event of the Event API.
func (g *mapping) user(v jsondoc.Value) {
	named := scalar(v.Get("id"))
	g.add(event.UserID, named)
	g.add(event.AnonymousID, scalar(first(v, "anonId", "anonymousId")))
	identities := v.Get("identities")
	identities.Each(func(name string, x jsondoc.Value) bool {
		g.identity(name, scalar(x), named)
		return true
	})
	identities.Items(func(_ int, x jsondoc.Value) bool {
		g.identity(scalar(first(x, "type", "name")), scalar(x.Get("value")), named)
		return true
	})
	v.Get("attributes").EachBytes(func(key []byte, x jsondoc.Value) bool {
		switch string(key) {
		case "emailAddress", "email", "customerId", "sfmcContactKey", "sfcrmContactId", "sfcrmLeadId", "secondaryEmail",
			"phone", "phoneNumber", "mobilePhone":
			g.identity(string(key), scalar(x), named)
		}
		return true
	})
	g.kept(scalar(v.Get("encryptedId")))
}

// kept takes the user id that the browser keeps for us. A user that the event
// names itself comes before it: somebody else may have signed in.
func (g *mapping) kept(token string) {
	if token == "" {
		return
	}
	known, ok := g.vault.open(token)
	if !ok {
		g.forged = true
		return
	}
	for _, i := range g.ids {
		if i.Namespace != event.AnonymousID {
			return
		}
	}
	g.again = known
	g.ids = append(g.ids, known)
}

// identity adds an identity of a type. The customer id names the user where
// the event has no other name for it.
func (g *mapping) identity(kind, value, named string) {
	switch folded(kind) {
	case "emailaddress", "email", "secondaryemail", "emailid":
		g.add(event.Email, value)
	case "phone", "phonenumber", "mobilephone", "mobile":
		g.add(event.Phone, value)
	case "customerid", "userid", "namedid", "nameduserid":
		if named == "" && !g.lists(customerID) || value == named {
			g.add(event.UserID, value)
			return
		}
		g.add(customerID, value)
	case "sfmccontactkey", "contactkey", "subscriberkey":
		g.add(contactKey, value)
	case "sfcrmcontactid":
		g.add(contactID, value)
	case "sfcrmleadid":
		g.add(leadID, value)
	case "anonid", "anonymousid", "deviceid":
		g.add(event.AnonymousID, value)
	default:
		if n := snake(kind); n != "" && len(n) <= maxNamespace && !strings.ContainsAny(n, ":\x00") {
			g.add(n, value)
		}
	}
}

// lists tells whether the instance's rules know a namespace of their own.
func (g *mapping) lists(namespace string) bool {
	return g.rules.Priority(namespace) < len(g.rules.Namespaces)
}
