package sitecore

import (
	"rapport/internal/jsondoc"
)

// streamNames are the members of an identity event that are traits, under the
// names that the guest has in the Interactive API.
var streamNames = map[string]string{
	"email": "email", "title": "title", "firstname": "firstName", "lastname": "lastName", "gender": "gender",
	"dob": "dateOfBirth", "street": "street", "city": "city", "state": "state", "country": "country",
	"postal_code": "postCode", "phone": "phone", "mobile": "mobile", "nationality": "nationality",
	"passport_number": "passportNumber", "passport_expiry": "passportExpiry",
}

// guestTraits writes the traits among the members of a body.
func guestTraits(w *writer, body jsondoc.Value, names map[string]string) {
	body.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if name, ok := names[string(key)]; ok {
			w.member(name, v.Raw())
		}
		return true
	})
}
