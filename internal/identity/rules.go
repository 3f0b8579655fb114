package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"rapport/internal/event"
	"rapport/internal/fault"
)

// Rules say which namespaces there are, strongest first, and how their
// identifiers behave. A namespace that is not listed is weaker than all that
// are. They never change once they are made.
type Rules struct {
	// Version is that of the document; 0 are the rules of a new instance.
	Version int `json:"-"`
	// DefaultRegion is where a phone number without a country is from, as two
	// letters such as IE. Without it such numbers name nobody.
	DefaultRegion string      `json:"default_region,omitempty" doc:"Where a phone number without a country is from, such as IE; without it such numbers name nobody"`
	Namespaces    []Namespace `json:"namespaces" nullable:"false" doc:"Strongest first; one that is not listed is weaker than all that are"`
	// Blocked are values that name nobody in any namespace.
	Blocked []Block `json:"blocked,omitempty" doc:"Values that name nobody in any namespace, beside the built-in ones"`
	// OwnerBefore says whose a shared identifier was before its first owner was
	// seen on it.
	OwnerBefore OwnerBefore `json:"owner_before,omitempty" enum:"first,nobody" doc:"Whose a shared identifier was before its first owner was seen: that owner's (first, the usual) or nobody's"`
}

// OwnerBefore is whose a shared identifier was before its first owner.
type OwnerBefore string

// The choices: the first owner's, which is the usual, or nobody's.
const (
	OwnerFirst  OwnerBefore = "first"
	OwnerNobody OwnerBefore = "nobody"
)

// Namespace is how the identifiers of one namespace behave.
type Namespace struct {
	Name string `json:"name" doc:"Such as user_id or loyalty_card"`
	// Form is how values are normalised.
	Form Form `json:"form,omitempty" enum:"exact,folded,email,phone,social,loyalty" doc:"How values are normalised; exact where it is left out"`
	// Limit is how many values one person may have.
	Limit Limit `json:"limit,omitzero" doc:"How many values one person may have"`
	// SharedAbove is how many values of a unique stronger namespace an
	// identifier may touch before it is shared and stops linking. 0: any number.
	SharedAbove int `json:"shared_above,omitempty" minimum:"0" maximum:"1000" doc:"An identifier that touches more values of a stronger namespace of limit 1 is shared and links nobody; 0: any number"`
	// Keep says which links count where not all can: the first ones or the last.
	Keep Policy `json:"keep,omitempty" enum:"first,last" doc:"Which links count where a limit does not allow all: those seen first (the usual) or last"`
	// Blocked are values that name nobody in this namespace.
	Blocked []Block `json:"blocked,omitempty" doc:"Values that name nobody in this namespace"`
}

// Limit is a number of values, ever or within a window of so many days. No
// number is no limit.
type Limit struct {
	Count int `json:"count" minimum:"0" maximum:"100000"`
	Days  int `json:"days,omitempty" minimum:"0" maximum:"36500" doc:"Within any so many days; 0: ever"`
}

// Unique tells that a person has one value, ever.
func (l Limit) Unique() bool { return l.Count == 1 && l.Days == 0 }

// Policy says which of the links that a limit does not allow together count.
type Policy string

// The policies. First is the usual.
const (
	KeepFirst Policy = "first"
	KeepLast  Policy = "last"
)

// Form is how the values of a namespace are normalised.
type Form string

// The forms.
const (
	FormExact   Form = "exact"   // as it comes, without blanks around it
	FormFolded  Form = "folded"  // whatever its case and width
	FormEmail   Form = "email"   // the mailbox behind an address
	FormPhone   Form = "phone"   // E.164
	FormSocial  Form = "social"  // provider:handle
	FormLoyalty Form = "loyalty" // letters and digits only, in capitals
)

// Block is a value, or a pattern of values, that name nobody.
type Block struct {
	Value   string `json:"value,omitempty" doc:"A normalised value, whatever its case"`
	Pattern string `json:"pattern,omitempty" doc:"A regular expression by RE2 that the normalised value matches"`

	compiled *regexp.Regexp
}

// What a document of rules may hold at most.
const (
	MaxNamespaces = 50
	MaxBlocks     = 1_000
	MaxPattern    = 256
	maxName       = 64
)

// DefaultRules are those of a new instance: user_id, of which a person has one,
// email, phone and then the anonymous ids of devices.
func DefaultRules() Rules {
	year := Limit{Count: 5, Days: 365}
	return Rules{Namespaces: []Namespace{
		{Name: event.UserID, Limit: Limit{Count: 1}},
		{Name: event.Email, Form: FormEmail, Limit: year, SharedAbove: 3},
		{Name: event.Phone, Form: FormPhone, Limit: year, SharedAbove: 3},
		{Name: event.AnonymousID, SharedAbove: 3},
	}}
}

// Parse reads a document of rules. A fault says what is wrong, where, and the
// mend.
func Parse(document []byte) (*Rules, error) {
	r := new(Rules)
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_rules", "the identity rules cannot be read: %v; send an object with namespaces", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// Document is the rules as JSON.
func (r *Rules) Document() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts and numbers
	}
	return b
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_rules", format, args...).At(at)
}

// check holds the rules against what is possible and compiles their patterns.
func (r *Rules) check() error {
	if n := len(r.Namespaces); n == 0 || n > MaxNamespaces {
		return invalid("/namespaces", "%d namespaces: list 1 to %d, the strongest first", n, MaxNamespaces)
	}
	if r.DefaultRegion != "" && !knownRegion(r.DefaultRegion) {
		return invalid("/default_region", "region %q is unknown: give two capital letters, such as IE", r.DefaultRegion)
	}
	switch r.OwnerBefore {
	case "", OwnerFirst, OwnerNobody:
	default:
		return invalid("/owner_before", "owner_before %q: give first or nobody", r.OwnerBefore)
	}
	if err := compileBlocks("/blocked", r.Blocked); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range r.Namespaces {
		n, at := &r.Namespaces[i], fmt.Sprintf("/namespaces/%d", i)
		if seen[n.Name] {
			return invalid(at+"/name", "namespace %q is listed twice: leave one out", n.Name)
		}
		seen[n.Name] = true
		if err := n.check(at); err != nil {
			return err
		}
	}
	return nil
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`)

func (n *Namespace) check(at string) error {
	if len(n.Name) > maxName || !nameShape.MatchString(n.Name) {
		return invalid(at+"/name", "namespace %q: give up to %d lower-case letters, digits, dots and underscores, beginning with a letter", n.Name, maxName)
	}
	switch n.Form {
	case "", FormExact, FormFolded, FormEmail, FormPhone, FormSocial, FormLoyalty:
	default:
		return invalid(at+"/form", "form %q: give exact, folded, email, phone, social or loyalty", n.Form)
	}
	switch n.Keep {
	case "", KeepFirst, KeepLast:
	default:
		return invalid(at+"/keep", "keep %q: give first or last", n.Keep)
	}
	if n.Limit.Count < 0 || n.Limit.Days < 0 || n.Limit.Count == 0 && n.Limit.Days > 0 || n.Limit.Days > 36_500 {
		return invalid(at+"/limit", "limit of %d within %d days: give a count of at least 1, and days up to 36500 or none for ever", n.Limit.Count, n.Limit.Days)
	}
	if n.SharedAbove < 0 || n.SharedAbove > 1_000 {
		return invalid(at+"/shared_above", "shared_above %d: give 1 to 1000, or 0 for any number", n.SharedAbove)
	}
	return compileBlocks(at+"/blocked", n.Blocked)
}

func compileBlocks(at string, blocks []Block) error {
	if len(blocks) > MaxBlocks {
		return invalid(at, "%d blocked values: %d are possible; join some in a pattern", len(blocks), MaxBlocks)
	}
	for i := range blocks {
		b := &blocks[i]
		here := fmt.Sprintf("%s/%d", at, i)
		if (b.Value == "") == (b.Pattern == "") {
			return invalid(here, "give either a value or a pattern")
		}
		if b.Pattern == "" {
			continue
		}
		if len(b.Pattern) > MaxPattern {
			return invalid(here+"/pattern", "the pattern has %d bytes, %d are possible", len(b.Pattern), MaxPattern)
		}
		var err error
		if b.compiled, err = regexp.Compile(b.Pattern); err != nil {
			return invalid(here+"/pattern", "the pattern cannot be read: %v; write it by RE2, without look-around and back references", err)
		}
	}
	return nil
}

// Blocks tells whether a normalised identifier names nobody by these rules.
func (r *Rules) Blocks(i event.Identifier) bool {
	return nobody(i.Value) || matches(r.Blocked, i.Value) || matches(r.Of(i.Namespace).Blocked, i.Value)
}

func matches(blocks []Block, value string) bool {
	for i := range blocks {
		b := &blocks[i]
		if b.compiled != nil && b.compiled.MatchString(value) || b.Value != "" && strings.EqualFold(b.Value, value) {
			return true
		}
	}
	return false
}
