package profile

import (
	"rapport/internal/profile/golden"
	"rapport/internal/profile/rfm"
	"rapport/internal/profile/schema"
)

// Rules are what people decided on how profiles are put together. A nil Rules
// is that of an instance where nobody decided anything. They are immutable.
type Rules struct {
	Golden *golden.Rules   // which value of a trait counts; nil: the latest
	Schema *schema.Schema  // what traits are; nil: nothing is declared
	RFM    *rfm.Boundaries // nil: the defaults
}

func (r *Rules) golden() *golden.Rules {
	if r == nil {
		return nil
	}
	return r.Golden
}

func (r *Rules) schema() *schema.Schema {
	if r == nil {
		return nil
	}
	return r.Schema
}

var defaultRFM = rfm.Default()

func (r *Rules) rfm() *rfm.Boundaries {
	if r == nil || r.RFM == nil {
		return defaultRFM
	}
	return r.RFM
}

// Documents are what people wrote of the rules, as JSON; nil is nothing.
type Documents struct {
	Golden, Schema, RFM []byte
}

// Compile reads the documents. Faults of kind Invalid name the member and the
// mend.
func Compile(d Documents) (*Rules, error) {
	r := &Rules{}
	var err error
	if d.Golden != nil {
		if r.Golden, err = golden.Parse(d.Golden); err != nil {
			return nil, err
		}
	}
	if d.Schema != nil {
		if r.Schema, err = schema.Parse(d.Schema); err != nil {
			return nil, err
		}
	}
	if d.RFM != nil {
		if r.RFM, err = rfm.Parse(d.RFM); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Over are the rules with those of another in place of what they leave open.
func (r *Rules) Over(o *Rules) *Rules {
	out := *r
	if o == nil {
		return &out
	}
	if out.Golden == nil {
		out.Golden = o.Golden
	}
	if out.Schema == nil {
		out.Schema = o.Schema
	}
	if out.RFM == nil {
		out.RFM = o.RFM
	}
	return &out
}
