package profile

import (
	"rapport/internal/catalog"
	"rapport/internal/jsondoc"
)

// meaning is what traits mean by the names that people usually give them.
type meaning uint8

const (
	asBirthday meaning = iota
	asCountry
	asLanguage
	asGender
	asTitle
	asName
	asFirst
	asLast
	asTier
	asPoints
	asJoined
	asZone
	meaningCount
)

// meant is the value of a meaning and the trait it was found in.
type meant struct {
	value string // canonical JSON; "" where no trait has the meaning
	from  string
	rank  int // of the trait's name: the smaller wins
}

func (m *meant) text() string { return plainText(m.value) }

type meanings [meaningCount]meant

// usualNames are the names of traits with their meanings, the best known
// first. A name behind a dot is a member of a trait that is an object.
var usualNames = [meaningCount][]string{
	asBirthday: {"birthday", "birth_date", "birthDate", "birthdate", "date_of_birth", "dateOfBirth", "dob"},
	asCountry:  {"country", "country_code", "countryCode", "address.country"},
	asLanguage: {"language", "preferred_language", "preferredLanguage", "lang"},
	asGender:   {"gender", "sex"},
	asTitle:    {"title", "salutation"},
	asName:     {"name", "full_name", "fullName"},
	asFirst:    {"first_name", "firstName", "given_name", "givenName"},
	asLast:     {"last_name", "lastName", "family_name", "familyName", "surname"},
	asTier:     {"loyalty.tier", "loyalty_tier", "loyaltyTier", "membership_tier", "membershipTier"},
	asPoints:   {"loyalty.points", "loyalty_points", "loyaltyPoints", "points_balance", "pointsBalance"},
	asJoined: {
		"loyalty.joined_at", "loyalty.joinedAt", "loyalty_joined_at", "loyaltyJoinedAt",
		"loyalty_member_since", "loyaltyMemberSince", "member_since", "memberSince",
	},
	asZone: {"timezone", "time_zone", "timeZone"},
}

type usual struct {
	meaning meaning
	rank    int
}

var byUsualName = func() map[string]usual {
	out := map[string]usual{}
	for m, names := range usualNames {
		for rank, n := range names {
			out[n] = usual{meaning(m), rank}
		}
	}
	return out
}()

// meaningsOf finds the traits whose names say what they mean.
func meaningsOf(fields []field) meanings {
	var m meanings
	for i := range fields {
		name, value := fields[i].name, fields[i].finding.Value
		m.take(name, value)
		if (name == "loyalty" || name == "address") && value[0] == '{' {
			member(value).EachBytes(func(key []byte, v jsondoc.Value) bool {
				m.take(name+"."+string(key), catalog.Canonical(v))
				return true
			})
		}
	}
	return m
}

func (m *meanings) take(name, value string) {
	u, ok := byUsualName[name]
	if !ok || value == null || value == `""` {
		return
	}
	if u.meaning == asPoints {
		points, ok := catalog.AmountOf(member(value))
		if !ok {
			return
		}
		value = points.Text()
	}
	if x := &m[u.meaning]; x.value == "" || u.rank < x.rank {
		*x = meant{value, "traits." + name, u.rank}
	}
}
